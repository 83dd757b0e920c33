package confirm

import (
	"cmp"
	"fmt"
	"os/user"
	"path"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys/publickey"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// headline names the deed and its place, and a host only when the host proved
// itself. What comes from another machine says so first.
func (w Wording) headline(use *keys.Use) string {
	deed := w.deed(use)
	if use.Op != keys.OpSign || !use.Destination.Forwarded {
		return deed
	}
	from := "a far host"
	if hops := use.Destination.Hops; len(hops) > 0 && hostTrust(hops[len(hops)-1]) == keys.TrustVerified {
		from = cmp.Or(hostName(hops[len(hops)-1].Names[0], w.value), from)
	}
	return "Forwarded from " + from + ": " + strings.ToLower(deed[:1]) + deed[1:]
}

func (w Wording) deed(use *keys.Use) string {
	switch {
	case use.Op == keys.OpReload:
		return "Let new rules allow more"
	case use.Op != keys.OpSign:
		return "Allow this request to your agent"
	case use.Purpose.Kind == wire.KindSSHSig:
		return w.signing(use)
	case use.Purpose.Kind != wire.KindLogin:
		return otherDeed(use.Purpose)
	}
	return w.login(use.Destination)
}

func (w Wording) login(d keys.Destination) string {
	switch {
	case d.Trust == keys.TrustVerified && len(d.Host.Names) > 0:
		return "Log in to " + hostName(d.Host.Names[0], w.value)
	case d.Trust.Proved() && isKnown(d.Host):
		return "Log in to a host whose name cannot be told"
	case d.Trust.Proved():
		return "Log in to a host that you have not met before"
	}
	return "Log in to a host that proved nothing"
}

// signing names the repository of git by its directory, as the kernel has it.
func (w Wording) signing(use *keys.Use) string {
	switch use.Purpose.Namespace {
	case "git":
		if dir := use.Peer.Directory; dir != "" {
			return "Sign a git commit or tag in " + Escape(path.Base(dir), w.value)
		}
		return "Sign a git commit or tag"
	case "file":
		return "Sign a file"
	}
	return "Sign for the namespace " + quote(use.Purpose.Namespace, w.value)
}

func (w Wording) what(use *keys.Use) question.Line {
	p := use.Purpose
	switch {
	case use.Op == keys.OpReload:
		return question.Line{Label: "What", Text: "rules of the configuration that allow more than those in force"}
	case use.Op != keys.OpSign:
		return question.Line{Label: "What", Text: "the operation " + quote(string(use.Op), w.value)}
	case p.Kind == wire.KindLogin:
		return question.Line{Label: "What", Text: "log in as " + quote(p.User, w.value)}
	case p.Kind == wire.KindSSHSig && p.Namespace == "git":
		return question.Line{Label: "What", Text: "sign a git commit or tag"}
	case p.Kind == wire.KindSSHSig && p.Namespace == "file":
		return question.Line{Label: "What", Text: "sign a file"}
	case p.Kind == wire.KindSSHSig:
		return question.Line{Label: "What", Text: "sign for the namespace " + quote(p.Namespace, w.value)}
	}
	return question.Line{Label: "What", Text: w.otherWhat(p)}
}

func (w Wording) where(d keys.Destination) []question.Line {
	var lines []question.Line
	switch d.Trust {
	case keys.TrustVerified, keys.TrustNew:
		lines = append(lines,
			question.Line{Label: "Where", Mark: markOf(hostTrust(d.Host)), Text: w.hostNames(d.Host)},
			question.Line{Text: "the host proved its key " + Escape(d.Host.Fingerprint, ownValues), Look: question.Faint})
		lines = append(lines, w.typed(d)...)
	case keys.TrustClaimed:
		lines = append(lines, question.Line{Label: "Where", Mark: question.Claimed, Text: quote(d.Claimed, w.value) + ", not verified: no host proved it"})
	default:
		where := "the client did not say"
		if d.Forwarded {
			where = "forwarded, destination not proved"
		}
		lines = append(lines, question.Line{Label: "Where", Mark: question.Unknown, Text: where})
	}
	if !d.Trust.Proved() && d.Why != "" {
		lines = append(lines, question.Line{Text: Escape(d.Why, w.long)})
	}
	return append(lines, w.through(d)...)
}

// typed tells of the name on the command line, where the host has others.
func (w Wording) typed(d keys.Destination) []question.Line {
	name := quote(d.Typed, w.value)
	switch {
	case d.OtherName:
		return []question.Line{{Mark: question.OtherName, Text: "you typed " + name + ", the host proved " + hostName(d.Host.Names[0], w.value)}}
	case d.Typed != "" && !slices.Contains(d.Host.Names, d.Typed):
		return []question.Line{{Text: "you typed " + name}}
	}
	return nil
}

// through tells of agent forwarding, where the asking program runs elsewhere.
func (w Wording) through(d keys.Destination) []question.Line {
	if !d.Forwarded {
		return nil
	}
	if d.Relayed {
		return []question.Line{{Label: "Through", Mark: question.Forwarded, Text: "a program that just logged in without saying where"},
			{Text: "it forwards the agent: the request comes from there"}}
	}
	if len(d.Hops) == 0 {
		return []question.Line{{Label: "Through", Mark: question.Forwarded, Text: "a forwarded agent: the request comes from another machine"}}
	}
	lines := []question.Line{{Label: "Through", Mark: question.Forwarded, Text: "a forwarded agent, on"}}
	for _, hop := range d.Hops[:min(len(d.Hops), w.hops())] {
		lines = append(lines, w.hop(hop), question.Line{Text: Escape(hop.Fingerprint, ownValues), Look: question.Faint})
	}
	if more := len(d.Hops) - w.hops(); more > 0 {
		lines = append(lines, question.Line{Text: fmt.Sprintf("and %d more hosts", more)})
	}
	return lines
}

// hops is how many of them are named.
func (w Wording) hops() int {
	if w.value < smallValue {
		return maxSmallHops
	}
	return maxHops
}

// hop is a host that an agent was forwarded to. One that is known is no more than
// that: its green belongs to where the signature goes.
func (w Wording) hop(h keys.Host) question.Line {
	if trust := hostTrust(h); trust != keys.TrustVerified {
		return question.Line{Mark: markOf(trust), Text: w.hostNames(h)}
	}
	return question.Line{Text: "known host " + w.hostNames(h)}
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

// markOf is the mark of a fact that is known so far.
func markOf(t keys.Trust) question.Mark {
	switch t {
	case keys.TrustVerified:
		return question.Verified
	case keys.TrustNew:
		return question.New
	case keys.TrustClaimed:
		return question.Claimed
	}
	return question.Unknown
}

// isKnown says whether known_hosts has the host's key, if under no name that can
// be read.
func isKnown(h keys.Host) bool { return h.Hashed || len(h.Patterns) > 0 }

func (w Wording) hostNames(h keys.Host) string {
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
	return Escape(strings.Join(names, ", "), w.long)
}

// hostName writes "[host]:port", the form of known_hosts, without its brackets.
func hostName(s string, max int) string {
	if host, port, ok := strings.Cut(s, "]:"); ok && strings.HasPrefix(host, "[") {
		return Escape(host[1:], max) + " port " + Escape(port, minValue)
	}
	return Escape(s, max)
}

func (w Wording) who(p platform.Peer) []question.Line {
	if !p.Identified {
		return []question.Line{
			{Label: "Who", Text: "the program could not be identified"},
			{Text: "user " + Escape(p.User, w.value) + " is all that is known"},
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
		about += ", user " + Escape(p.User, w.value)
	}
	lines := []question.Line{{Label: "Who", Text: Escape(p.Commands(), w.long)}}
	lines = append(append(lines, w.outside(p)...), question.Line{Text: about})
	if p.Directory != "" {
		lines = append(lines, question.Line{Text: "git works in " + quote(p.Directory, w.value)})
	}
	return lines
}

// outside names the file of a program that may have any name: the one that asks,
// and the nearest one of that kind that started it. Both ends of a path stay.
func (w Wording) outside(p platform.Peer) (lines []question.Line) {
	switch file := p.OutsideFile(); {
	case p.Executable == "": // it keeps others of the user out, and its name is its own word
		lines = append(lines, question.Line{Text: "its file is not known: it may be any program"})
	case file != "":
		lines = append(lines, question.Line{Text: "its file is " + Escape(file, max(w.long, minPath))})
	}
	if i := slices.IndexFunc(p.Parents, platform.Process.Outside); i >= 0 {
		lines = append(lines, question.Line{Text: "started by " + Escape(p.Parents[i].Executable, max(w.long, minPath))})
	}
	return lines
}

// terminal says whether somebody seems to sit before the program.
func (w Wording) terminal(p platform.Peer) string {
	switch {
	case p.Terminal == "" && !p.Attended:
		return "no terminal (background)"
	case p.Terminal == "":
		return "no terminal of its own, started from one"
	case !p.Foreground:
		return "in the background of terminal " + Escape(p.Terminal, w.value)
	}
	return "terminal " + Escape(p.Terminal, w.value)
}

func (w Wording) which(k keys.Info) []question.Line {
	if k.PublicKey == nil {
		return nil
	}
	name := k.Comment
	if k.Name != "" {
		name = k.Name
	}
	text := quote(name, w.value)
	if k.Name != "" && k.Comment != "" && k.Comment != k.Name {
		text += " (" + Escape(k.Comment, w.value) + ")"
	}
	if home := w.home(k.Source); home != "" {
		text += ", " + home
	}
	print := Escape(k.PublicKey.Type(), ownValues) + " " + Escape(k.Fingerprint, ownValues)
	if _, ok := publickey.CertificateOf(k.PublicKey); ok {
		print += " (certificate)"
	}
	return []question.Line{{Label: "Key", Text: text, Look: question.Strong}, {Text: print, Look: question.Faint}}
}

// homes say where the keys of a source live.
var homes = map[string]string{
	"softkeys": "sealed on this computer",
	"added":    "added by ssh-add",
	"cards":    "on a smartcard",
	"fido":     "on a security key",
	"pkcs11":   "on a PKCS#11 token",
}

func (w Wording) home(source string) string {
	if name, ok := strings.CutPrefix(source, "upstream "); ok {
		return "in the agent " + quote(name, w.value)
	}
	return homes[source]
}
