package agent

import (
	"net"
	"net/url"
	"strings"

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
	case strings.EqualFold(name, "port"):
		c.port = rest
	case strings.EqualFold(name, "hostkeyalias"):
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

// hostNames are the names that the host may be known by: an alias for its key
// (HostKeyAlias in ssh_config(5)) is looked for in place of its own.
func (c claim) hostNames() (names []string) {
	for _, name := range []string{c.alias, c.host} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// withPort is how known_hosts writes a name with a port that is not 22.
func (c claim) withPort(name string) string {
	if c.port == "" || c.port == "22" {
		return name
	}
	return "[" + name + "]:" + c.port
}

// candidates are the names under which ssh would have written the host to
// known_hosts: tried against hashed entries, which cannot be read.
func (c claim) candidates() []string {
	names := c.hostNames()
	if c.host == "" {
		return names
	}
	names = append(names, c.withPort(c.host))
	if address := net.ParseIP(c.host); address != nil {
		names = append(names, address.String())
	}
	return names
}
