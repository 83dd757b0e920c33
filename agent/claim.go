package agent

import (
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys/ascii"
	"github.com/keybroker/keybroker/platform"
)

// sshOptionsWithValue are the options of ssh(1) that take a value.
const sshOptionsWithValue = "BbcDEeFIiJLlmOopPQRSWw"

// claim is what the caller's own command line says about where it connects.
// Any program can write anything there.
type claim struct{ host, port, alias string }

// claimedHost reads the destination of an ssh command line. Other programs
// (scp, git, rsync) run ssh, so it is ssh that connects to the agent.
func claimedHost(peer platform.Peer) claim {
	if peer.Name != "ssh" || len(peer.Args) < 2 {
		return claim{}
	}
	var c claim
	for i := 1; i < len(peer.Args); i++ {
		arg := peer.Args[i]
		if len(arg) < 2 || arg[0] != '-' {
			return c.withDestination(arg)
		}
		if arg == "--" && i+1 < len(peer.Args) {
			return c.withDestination(peer.Args[i+1])
		}
		letter, value := arg[len(arg)-1], ""
		if at := strings.IndexAny(arg[1:], sshOptionsWithValue) + 1; at > 0 && at < len(arg)-1 {
			letter, value = arg[at], arg[at+1:]
		} else if at > 0 && i+1 < len(peer.Args) {
			i++
			value = peer.Args[i]
		}
		c.option(letter, value)
	}
	return c
}

func (c *claim) option(letter byte, value string) {
	if letter == 'p' {
		c.port = value
	}
	if letter != 'o' {
		return
	}
	end := max(strings.IndexAny(value, "= \t"), 0) // ssh takes either
	switch name, rest := value[:end], strings.Trim(value[end:], "= \t\""); {
	case ascii.EqualFold(name, "port"):
		c.port = rest
	case ascii.EqualFold(name, "hostkeyalias"):
		c.alias = rest
	}
}

// withDestination takes "host", "user@host" or "ssh://user@host:port".
func (c claim) withDestination(arg string) claim {
	if u, err := url.Parse(arg); err == nil && u.Scheme == "ssh" {
		c.host = u.Hostname()
		if u.Port() != "" {
			c.port = u.Port()
		}
		return c
	}
	c.host = arg[strings.LastIndexByte(arg, '@')+1:]
	return c
}

// withPort is how known_hosts writes a name with a port that is not 22.
func withPort(name, port string) string {
	if port == "" || port == "22" {
		return name
	}
	return "[" + name + "]:" + port
}

// candidates are the names under which ssh would have written the host to
// known_hosts. An alias for its key (HostKeyAlias in ssh_config(5)) replaces
// its name.
func (c claim) candidates(config *SSHConfig) (names []string) {
	add := func(name string) {
		for _, form := range []string{name, ascii.Lower(name)} {
			if name != "" && !slices.Contains(names, form) {
				names = append(names, form)
			}
		}
	}
	if c.host == "" {
		return nil
	}
	meant := config.lookUp(c.host)
	for _, alias := range append([]string{c.alias}, meant.aliases...) {
		add(alias)
	}
	for _, host := range append([]string{c.host}, meant.names...) {
		for _, port := range append([]string{"", c.port}, meant.ports...) {
			add(withPort(host, port))
			if address := net.ParseIP(host); address != nil {
				add(withPort(address.String(), port))
			}
		}
	}
	return names
}
