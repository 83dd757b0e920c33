package hosts

import (
	"bytes"
	"context"
	"net"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/keys/ascii"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// resolved is what ssh_config makes of a target.
type resolved struct {
	name  string // as the user calls it
	host  string // the name or address that is connected to
	user  string
	port  int
	agent string // IdentityAgent; "": the environment's

	knownAs string // its name in known_hosts

	proxied bool // by ProxyJump or ProxyCommand
}

// resolve asks ssh -G.
func (d Dialer) resolve(ctx context.Context, target string) (resolved, error) {
	args := d.common()
	cmd := platform.Command(ctx, d.program(), append(args, "-T", "-G", "--", target)...)
	cmd.WaitDelay = goodbye // a program of ssh_config's Match exec may hold the pipe
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output() // nothing that another program must not read
	if err != nil {
		if text := strings.TrimSpace(stderr.String()); text != "" {
			return resolved{}, problem.New("ssh does not take "+target+": "+lastLine(text), "see what ssh makes of it: ssh -G "+target)
		}
		return resolved{}, problem.With(err, "install OpenSSH's client, ssh")
	}
	r := resolved{name: nameOf(target)}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "hostname":
			r.host = value
		case "user":
			r.user = value
		case "port":
			r.port, _ = strconv.Atoi(value)
		case "proxyjump", "proxycommand":
			r.proxied = r.proxied || value != "none"
		case "hostkeyalias":
			r.knownAs = value
		case "identityagent":
			r.agent = value
		}
	}
	if r.port == 22 {
		r.port = 0
	}
	if r.knownAs == "" {
		r.knownAs = ascii.Lower(r.host)
		if r.port != 0 {
			r.knownAs = "[" + r.knownAs + "]:" + strconv.Itoa(r.port)
		}
	}
	return r, nil
}

// nameOf takes the account and the port off a target.
func nameOf(target string) string {
	target, isURL := strings.CutPrefix(target, "ssh://")
	name := target[strings.LastIndexByte(target, '@')+1:]
	if host, _, err := net.SplitHostPort(name); isURL && err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
}

func (r resolved) addresses() []string {
	if r.host == "" || r.host == r.name {
		return nil
	}
	return []string{r.host}
}

func (d Dialer) program() string {
	if d.SSH != "" {
		return d.SSH
	}
	return "ssh"
}

func (d Dialer) common() []string {
	if d.Config != "" {
		return []string{"-F", d.Config}
	}
	return nil
}

func lastLine(text string) string {
	return strings.TrimSpace(text[strings.LastIndexByte(strings.TrimSpace(text), '\n')+1:])
}
