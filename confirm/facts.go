package confirm

import (
	"fmt"
	"os/user"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/agent/wire"
	"github.com/keybroker/keybroker/platform"
)

// headline names the deed, and a host only when the host proved itself.
func (w writer) headline(use *keys.Use) string {
	switch {
	case use.Op == keys.OpReload:
		return "Let new rules allow more?"
	case use.Op != keys.OpSign:
		return "Allow this request to your agent?"
	case use.Purpose.Kind == wire.KindSSHSig:
		return "Sign with your key?"
	case use.Purpose.Kind != wire.KindLogin:
		return "Sign unknown content?"
	case use.Destination.Trust == keys.TrustVerified && len(use.Destination.Host.Names) > 0:
		return "Log in to " + hostName(use.Destination.Host.Names[0], w.value) + "?"
	case use.Destination.Trust.Proved() && isKnown(use.Destination.Host):
		return "Log in to a host whose name cannot be told?"
	case use.Destination.Trust.Proved():
		return "Log in to a host that you have not met before?"
	case use.Destination.Forwarded:
		return "Log in from a far host to one that proved nothing?"
	}
	return "Log in to a host that proved nothing?"
}

func (w writer) what(use *keys.Use) Line {
	p := use.Purpose
	switch {
	case use.Op == keys.OpReload:
		return Line{Label: "What", Text: "rules of the configuration that allow more than those in force"}
	case use.Op != keys.OpSign:
		return Line{Label: "What", Text: "the operation " + quote(string(use.Op), w.value)}
	case p.Kind == wire.KindLogin:
		return Line{Label: "What", Text: "log in as " + quote(p.User, w.value)}
	case p.Kind == wire.KindSSHSig && p.Namespace == "git":
		return Line{Label: "What", Text: "sign a git commit or tag"}
	case p.Kind == wire.KindSSHSig && p.Namespace == "file":
		return Line{Label: "What", Text: "sign a file"}
	case p.Kind == wire.KindSSHSig:
		return Line{Label: "What", Text: "sign for the namespace " + quote(p.Namespace, w.value)}
	}
	return Line{Label: "What", Text: "unknown content: it may be anything, even a login elsewhere"}
}

func (w writer) where(d keys.Destination) []Line {
	var lines []Line
	switch d.Trust {
	case keys.TrustVerified, keys.TrustNew:
		lines = append(lines,
			Line{"Where", hostTrust(d.Host), w.hostNames(d.Host)},
			Line{"", "", "the host proved its key " + foreign(d.Host.Fingerprint, ownValues)})
	case keys.TrustClaimed:
		lines = append(lines, Line{"Where", keys.TrustClaimed, quote(d.Claimed, w.value) + ", not verified: no host proved it"})
	default:
		where := "the client did not say"
		if d.Forwarded {
			where = "forwarded, destination not proved"
		}
		lines = append(lines, Line{"Where", keys.TrustNone, where})
	}
	if !d.Trust.Proved() && d.Why != "" {
		lines = append(lines, Line{Text: foreign(d.Why, w.long)})
	}
	return append(lines, w.through(d)...)
}

// through tells of agent forwarding, where the asking program runs elsewhere.
func (w writer) through(d keys.Destination) []Line {
	if !d.Forwarded {
		return nil
	}
	if len(d.Hops) == 0 {
		return []Line{{Label: "Through", Text: "a forwarded agent: the request comes from another machine"}}
	}
	lines := []Line{{Label: "Through", Text: "a forwarded agent, on"}}
	for _, hop := range d.Hops[:min(len(d.Hops), maxHops)] {
		lines = append(lines, Line{Trust: hostTrust(hop), Text: w.hostNames(hop)},
			Line{Text: foreign(hop.Fingerprint, ownValues)})
	}
	if more := len(d.Hops) - maxHops; more > 0 {
		lines = append(lines, Line{Text: fmt.Sprintf("and %d more hosts", more)})
	}
	return lines
}

// hostTrust says how far a host is known that was bound.
func hostTrust(h keys.Host) keys.Trust {
	switch {
	case h.Unproved != "":
		return keys.TrustNone
	case len(h.Names) == 0:
		return keys.TrustNew
	}
	return keys.TrustVerified
}

// isKnown says whether known_hosts has the host's key, if under no name that can
// be read.
func isKnown(h keys.Host) bool { return h.Hashed || len(h.Patterns) > 0 }

func (w writer) hostNames(h keys.Host) string {
	switch {
	case len(h.Names) > 0:
	case h.Unproved != "":
		return "a host whose key cannot be checked"
	case len(h.Patterns) > 0:
		return "a host of the pattern " + quote(h.Patterns[0], w.value) + " in known_hosts"
	case h.Hashed:
		return "a host of known_hosts, where its name is hashed"
	default:
		return "a host that is not in known_hosts"
	}
	var names []string
	for _, name := range h.Names[:min(len(h.Names), maxNames)] {
		names = append(names, hostName(name, w.value))
	}
	if more := len(h.Names) - maxNames; more > 0 {
		names = append(names, fmt.Sprintf("and %d more names", more))
	}
	return foreign(strings.Join(names, ", "), w.long)
}

// hostName writes "[host]:port", the form of known_hosts, without its brackets.
func hostName(s string, max int) string {
	if host, port, ok := strings.Cut(s, "]:"); ok && strings.HasPrefix(host, "[") {
		return foreign(host[1:], max) + " port " + foreign(port, minValue)
	}
	return foreign(s, max)
}

func (w writer) who(p platform.Peer) []Line {
	if !p.Identified {
		return []Line{
			{Label: "Who", Text: "the program could not be identified"},
			{Text: "user " + foreign(p.User, w.value) + " is all that is known"},
		}
	}
	about := fmt.Sprintf("pid %d, %s", p.PID, w.terminal(p))
	if p.SSHLogin {
		about += ", through an ssh login"
	}
	if p.Container {
		about += ", in a container or sandbox"
	}
	if me, err := user.Current(); err != nil || me.Uid != p.User {
		about += ", user " + foreign(p.User, w.value)
	}
	lines := []Line{{Label: "Who", Text: foreign(p.Commands(), w.long)}}
	lines = append(append(lines, w.outside(p)...), Line{Text: about})
	if p.Directory != "" {
		lines = append(lines, Line{Text: "git works in " + quote(p.Directory, w.value)})
	}
	return lines
}

// outside names the file of a program that may have any name: the one that asks,
// and the nearest one of that kind that started it. Both ends of a path stay.
func (w writer) outside(p platform.Peer) (lines []Line) {
	if file := p.OutsideFile(); file != "" {
		lines = append(lines, Line{Text: "its file is " + foreign(file, max(w.long, minPath))})
	}
	if i := slices.IndexFunc(p.Parents, platform.Process.Outside); i >= 0 {
		lines = append(lines, Line{Text: "started by " + foreign(p.Parents[i].Executable, max(w.long, minPath))})
	}
	return lines
}

// terminal says whether somebody seems to sit before the program.
func (w writer) terminal(p platform.Peer) string {
	switch {
	case p.Terminal == "" && !p.Attended:
		return "no terminal (background)"
	case p.Terminal == "":
		return "no terminal of its own, started from one"
	case !p.Foreground:
		return "in the background of terminal " + foreign(p.Terminal, w.value)
	}
	return "terminal " + foreign(p.Terminal, w.value)
}

func (w writer) which(k keys.Info) []Line {
	if k.PublicKey == nil {
		return nil
	}
	name := k.Comment
	if k.Name != "" {
		name = k.Name
	}
	text := quote(name, w.value) + ", " + foreign(k.PublicKey.Type(), ownValues)
	if k.Name != "" && k.Comment != "" && k.Comment != k.Name {
		text = quote(k.Name, w.value) + " (" + foreign(k.Comment, w.value) + "), " + foreign(k.PublicKey.Type(), ownValues)
	}
	lines := []Line{{Label: "Key", Text: text}, {Text: foreign(k.Fingerprint, ownValues)}}
	if _, ok := k.PublicKey.(*ssh.Certificate); ok {
		lines[1].Text += " (certificate)"
	}
	return lines
}
