package confirm

import (
	"cmp"
	"fmt"
	"os/user"
	"path"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// headline names the action and its destination, but a host only when the host
// proved its key. A request from another machine says so first.
func (w Wording) headline(use *keys.Use) string {
	action := w.action(use)
	if use.Op != keys.OpSign || !use.Destination.Forwarded {
		return action
	}
	from := "a remote host"
	if hops := use.Destination.Hops; len(hops) > 0 && hostTrust(hops[len(hops)-1]) == keys.TrustVerified {
		from = cmp.Or(hostName(hops[len(hops)-1].Name(), w.value), from)
	}
	return "Forwarded from " + from + ": " + strings.ToLower(action[:1]) + action[1:]
}

func (w Wording) action(use *keys.Use) string {
	switch {
	case use.Op == keys.OpReload:
		return "Let new rules allow more"
	case use.Op == keys.OpAnnotate:
		return "Let a key be used longer"
	case use.Op != keys.OpSign:
		return "Allow this request to your agent"
	case use.Purpose.Kind == wire.KindSSHSig:
		return w.signing(use)
	case use.Purpose.Kind != wire.KindLogin:
		return otherAction(use.Purpose)
	}
	return w.login(use.Destination)
}

func (w Wording) login(d keys.Destination) string {
	switch {
	case d.Trust == keys.TrustVerified && len(d.Host.Names) > 0:
		return "Log in to " + hostName(d.Host.Name(), w.value)
	case d.Trust.Proved() && isInKnownHosts(d.Host):
		return "Log in to a host whose name cannot be determined"
	case d.Trust.Proved():
		return "Log in to a host that you have not met before"
	}
	return "Log in to an unverified host"
}

// signing names a git repository by its directory, which the kernel reports.
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

func (w Wording) whatLine(use *keys.Use) question.Line {
	p := use.Purpose
	switch {
	case use.Op == keys.OpReload:
		return question.Line{Label: "What", Text: "new rules in the configuration allow more than the current ones"}
	case use.Op == keys.OpAnnotate:
		return question.Line{Label: "What", Text: "another expiry for the key below"}
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

func (w Wording) whereLines(d keys.Destination) []question.Line {
	var lines []question.Line
	switch d.Trust {
	case keys.TrustVerified, keys.TrustNew:
		lines = append(lines,
			question.Line{Label: "Where", Mark: markOf(hostTrust(d.Host)), Text: w.hostNames(d.Host)},
			question.Line{Text: "the host proved its key " + Escape(d.Host.Fingerprint, maxOwn), Look: question.Faint})
		lines = append(lines, w.typedLines(d)...)
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
	return append(lines, w.throughLines(d)...)
}

// typedLines show the name on the command line when it is not one of the host's.
func (w Wording) typedLines(d keys.Destination) []question.Line {
	name := quote(d.Typed, w.value)
	switch {
	case d.OtherName:
		return []question.Line{{Mark: question.OtherName, Text: "you typed " + name + ", the host proved " + hostName(d.Host.Name(), w.value)}}
	case d.Typed != "" && !slices.Contains(d.Host.Names, d.Typed):
		return []question.Line{{Text: "you typed " + name}}
	}
	return nil
}

// throughLines describe agent forwarding: the asking program runs on another machine.
func (w Wording) throughLines(d keys.Destination) []question.Line {
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
	for _, hop := range d.Hops[:min(len(d.Hops), w.hopLimit())] {
		lines = append(lines, w.hopLine(hop), question.Line{Text: Escape(hop.Fingerprint, maxOwn), Look: question.Faint})
	}
	if more := len(d.Hops) - w.hopLimit(); more > 0 {
		lines = append(lines, question.Line{Text: fmt.Sprintf("and %d more hosts", more)})
	}
	return lines
}

// hopLimit is how many hops are named.
func (w Wording) hopLimit() int {
	if w.value < smallValue {
		return maxSmallHops
	}
	return maxHops
}

// hopLine names a host that the agent was forwarded to. A known one gets no green
// mark: green belongs to the destination of the signature.
func (w Wording) hopLine(h keys.Host) question.Line {
	if trust := hostTrust(h); trust != keys.TrustVerified {
		return question.Line{Mark: markOf(trust), Text: w.hostNames(h)}
	}
	return question.Line{Text: "known host " + w.hostNames(h)}
}

// hostTrust says how well a bound host is known.
func hostTrust(h keys.Host) keys.Trust {
	switch {
	case h.Unproved != "":
		return keys.TrustNone
	case len(h.Names) == 0:
		return keys.TrustNew
	}
	return keys.TrustVerified
}

// markOf is the mark for a fact of this trust.
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

// isInKnownHosts reports whether known_hosts has the host's key under a name that
// cannot be read: hashed or a pattern.
func isInKnownHosts(h keys.Host) bool { return h.Hashed || len(h.Patterns) > 0 }

func (w Wording) hostNames(h keys.Host) string {
	switch {
	case len(h.Names) > 0:
	case h.Unproved != "":
		return "a host whose key cannot be checked"
	case len(h.Patterns) > 0:
		return "a host that matches " + quote(h.Patterns[0], w.value) + " in known_hosts"
	case h.Hashed:
		return "a host whose name is hashed in known_hosts"
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

// hostName writes "[host]:port", the form of known_hosts, without brackets.
func hostName(s string, max int) string {
	if host, port, ok := strings.Cut(s, "]:"); ok && strings.HasPrefix(host, "[") {
		return Escape(host[1:], max) + " port " + Escape(port, minValue)
	}
	return Escape(s, max)
}

func (w Wording) whoLines(p platform.Peer) []question.Line {
	if !p.Identified {
		return []question.Line{
			{Label: "Who", Text: "the program could not be identified"},
			{Text: "all that is known is user " + Escape(p.User, w.value)},
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
	lines = append(append(lines, w.fileLines(p)...), question.Line{Text: about})
	if p.Directory != "" {
		lines = append(lines, question.Line{Text: "git runs in " + quote(p.Directory, w.value)})
	}
	return lines
}

// fileLines name the files of programs from outside the system's directories, whose
// names prove nothing: the asking program and its nearest such ancestor. Both ends
// of a path stay.
func (w Wording) fileLines(p platform.Peer) (lines []question.Line) {
	switch file := p.OutsideFile(); {
	case p.Executable == "": // it hides from the user's other programs and chose its name itself
		lines = append(lines, question.Line{Text: "its file is unknown: it may be any program"})
	case file != "":
		lines = append(lines, question.Line{Text: "its file is " + Escape(file, max(w.long, minPath))})
	}
	if i := slices.IndexFunc(p.Parents, platform.Process.Outside); i >= 0 {
		lines = append(lines, question.Line{Text: "started by " + Escape(p.Parents[i].Executable, max(w.long, minPath))})
	}
	return lines
}

// terminal reports whether a person seems to be at the program's terminal.
func (w Wording) terminal(p platform.Peer) string {
	switch {
	case p.Terminal == "" && !p.Attended:
		return "no terminal (background)"
	case p.Terminal == "":
		return "no terminal, but started from one"
	case !p.Foreground:
		return "in the background of terminal " + Escape(p.Terminal, w.value)
	}
	return "terminal " + Escape(p.Terminal, w.value)
}

func (w Wording) keyLines(k keys.Info) []question.Line {
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
	if place := w.keyPlace(k.Source); place != "" {
		text += ", " + place
	}
	fingerprint := Escape(k.PublicKey.Type(), maxOwn) + " " + Escape(k.Fingerprint, maxOwn)
	if _, ok := publickey.CertificateOf(k.PublicKey); ok {
		fingerprint += " (certificate)"
	}
	return []question.Line{{Label: "Key", Text: text, Look: question.Strong}, {Text: fingerprint, Look: question.Faint}}
}

// keyPlaces say where the keys of a source are stored.
var keyPlaces = map[string]string{
	"softkeys": "sealed on this computer",
	"added":    "added by ssh-add",
	"cards":    "on a smartcard",
	"fido":     "on a security key",
	"pkcs11":   "on a PKCS#11 token",
}

func (w Wording) keyPlace(source string) string {
	if name, ok := strings.CutPrefix(source, "upstream "); ok {
		return "in the agent " + quote(name, w.value)
	}
	return keyPlaces[source]
}
