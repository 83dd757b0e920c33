package plan

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"

	"github.com/keybroker/keybroker/problem"
)

// Target is an account on a host, as ssh takes it.
type Target struct {
	Account string // "": as ssh_config says
	Host    string // a name, an address or an alias of ssh_config
	Port    int    // 0: as ssh_config says
}

// maxTarget is longer than any account and DNS name.
const maxTarget = 320

// ParseTarget reads "ACCOUNT@HOST", "HOST" or "ssh://ACCOUNT@HOST:PORT". Neither may look
// like an option, since both reach the command line of ssh.
func ParseTarget(text string) (Target, error) {
	rest, isURL := strings.CutPrefix(text, "ssh://")
	account, host, found := cutLast(rest, "@")
	if !found {
		account, host = "", rest
	}
	port := 0
	if name, number, err := net.SplitHostPort(host); isURL && err == nil {
		host = name
		if port, err = strconv.Atoi(number); err != nil || port < 1 || port > 65535 {
			host = "" // which is refused
		}
	}
	if found && account == "" || bad(account) || host == "" || bad(host) || len(text) > maxTarget {
		return Target{}, problem.With(fmt.Errorf("%.100q is not an account on a host", text), "write ACCOUNT@HOST, as for ssh: deploy@web1, or ssh://deploy@web1:2222")
	}
	return Target{account, host, port}, nil
}

// sshHost is the host of a place as ssh_config has it.
func (p Place) sshHost() (string, error) {
	if p.Forge != "" {
		return p.Host.Name, nil
	}
	target, err := ParseTarget(p.Target)
	return target.Host, err
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

// bad is true for what ssh would take as an option, or a shell as more than a word.
func bad(word string) bool {
	return strings.HasPrefix(word, "-") || strings.ContainsFunc(word, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("'\"`$\\;&|<>(){}*?!#/", r)
	})
}

// String is the target in the form that ssh takes.
func (t Target) String() string {
	account, host := "", t.Host
	if t.Account != "" {
		account = t.Account + "@"
	}
	if t.Port == 0 || t.Port == 22 {
		return account + host
	}
	return "ssh://" + account + net.JoinHostPort(host, strconv.Itoa(t.Port))
}
