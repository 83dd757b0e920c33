package plan

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/keybroker/keybroker/problem"
)

// Target is an account on a host, as ssh takes it.
type Target struct {
	Account string // "": as ssh_config says
	Host    string // a name, an address or an alias of ssh_config
}

// maxTarget is longer than any account and DNS name.
const maxTarget = 320

// ParseTarget reads "ACCOUNT@HOST" or "HOST". Neither may look like an option, since
// both reach the command line of ssh.
func ParseTarget(text string) (Target, error) {
	account, host, found := cutLast(text, "@")
	if !found {
		account, host = "", text
	}
	if found && account == "" || bad(account) || host == "" || bad(host) || len(text) > maxTarget {
		return Target{}, problem.With(fmt.Errorf("%.100q is not an account on a host", text), "write ACCOUNT@HOST, as for ssh: deploy@web1")
	}
	return Target{account, host}, nil
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

func (t Target) String() string {
	if t.Account == "" {
		return t.Host
	}
	return t.Account + "@" + t.Host
}
