package policy

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// verdict is the three-valued answer to "does this rule match?".
type verdict int8

const (
	no verdict = iota
	maybe
	yes
)

// The causes of a maybe, as a person reads them after "may apply:".
const (
	causePurpose    = "it is not known what would be signed"
	causeUnverified = "the destination is not proved"
	causeNameless   = "the host's key is in no known_hosts file"
	causeHashed     = "known_hosts has a hashed name for the host's key"
	causePattern    = "known_hosts has the host's key under a pattern"
	causeCut        = "known_hosts could not be read completely"
	causeProgram    = "the program is not identified"
)

// rule is a compiled Rule with its messages: a list of a thousand keys is decided
// key by key.
type rule struct {
	Rule
	key, host, user, program, socket keys.Patterns
	purpose                          keys.Pattern
	conditions                       []condition // for the fields that are set, cheapest first
	why, hides                       string
}

// condition checks one field of a rule. With maybe it returns the cause.
type condition func(*rule, *keys.Use) (verdict, string)

func compileRule(r Rule) rule {
	if r.Action != Allow && r.Action != Ask {
		r.Action = Refuse
	}
	verb := map[Action]string{Allow: "allowed by", Ask: "asked by", Refuse: "refused by"}[r.Action]
	compiled := rule{
		Rule:    r,
		key:     keys.ParsePatterns(r.Key, 0),
		host:    keys.ParsePatterns(r.Host, keys.FoldASCII),
		user:    keys.ParsePatterns(r.User, 0),
		program: keys.ParsePatterns(r.Program, keys.SlashStops),
		purpose: keys.NewPattern(r.Purpose, 0),
		socket:  keys.ParsePatterns(r.Socket, 0),
		why:     fmt.Sprintf("%s rule %q", verb, r.Name),
		hides:   fmt.Sprintf("hidden by rule %q", r.Name),
	}
	compiled.conditions = conditionsOf(&r)
	return compiled
}

func conditionsOf(r *Rule) []condition {
	var list []condition
	for _, field := range []struct {
		text string
		condition
	}{
		{r.Purpose, (*rule).matchPurpose},
		{r.User, (*rule).matchUser},
		{r.Program, (*rule).matchProgram},
		{r.Host, (*rule).matchHost},
	} {
		if field.text != "" {
			list = append(list, field.condition)
		}
	}
	return list
}

func (r *rule) decision() Decision {
	d := Decision{Action: r.Action, Rule: r.Name, Why: r.why}
	if r.Action == Ask {
		d.Remember, d.AskFirst = r.Remember, r.AskFirst
		d.Forwarded = r.Forwarded != nil && *r.Forwarded
	}
	return d
}

// match returns the first cause with maybe.
func (r *rule) match(u *keys.Use) (verdict, string) {
	if !r.matchKey(&u.Key) {
		return no, ""
	}
	return r.matchAnyKey(u)
}

// matchAnyKey is match for a key that the rule is for.
func (r *rule) matchAnyKey(u *keys.Use) (verdict, string) {
	if !r.matchForwarded(u.Destination.Forwarded) || !r.matchSocket(u.Socket) {
		return no, ""
	}
	result, cause := yes, ""
	for _, condition := range r.conditions {
		switch m, why := condition(r, u); {
		case m == no:
			return no, ""
		case m == maybe && result == yes:
			result, cause = maybe, why
		}
	}
	return result, cause
}

func (r *rule) matchForwarded(forwarded bool) bool {
	if r.Forwarded == nil {
		return r.Action != Allow || !forwarded
	}
	return *r.Forwarded == forwarded
}

// matchSocket takes an allow rule without a socket as one for the agent's own
// socket: whoever adds a separate socket wants other rules for it.
func (r *rule) matchSocket(socket string) bool {
	if r.Socket == "" {
		return r.Action != Allow || socket == ""
	}
	return socket != "" && r.socket.Match(socket)
}

// matchKey ignores the comment, which whoever added the key chose.
func (r *rule) matchKey(k *keys.Info) bool {
	return r.Key == "" || matchKey(r.key, k)
}

func matchKey(patterns keys.Patterns, k *keys.Info) bool {
	if k.Name == "" {
		return patterns.Match(k.Fingerprint)
	}
	return patterns.Match(k.Fingerprint, k.Name)
}

// isUnknown is also true for kinds that this package does not know.
func isUnknown(p wire.Purpose) bool { return !p.Kind.Known() }

// mayAllow reports whether an allow rule can match the purpose. Some purposes must
// be named.
func (r *rule) mayAllow(p wire.Purpose) bool { return p.Kind.Everyday() || r.Purpose != "" }

func (r *rule) matchPurpose(u *keys.Use) (verdict, string) {
	switch {
	case u.Op == keys.OpList:
		return maybe, causePurpose
	case isUnknown(u.Purpose):
		return verdictOf(r.Purpose == string(wire.KindUnknown))
	case r.Purpose == string(u.Purpose.Kind): // "certificate" matches both kinds
		return yes, ""
	}
	return verdictOf(r.purpose.Match(u.Purpose.String()))
}

func (r *rule) matchUser(u *keys.Use) (verdict, string) {
	switch {
	case u.Op == keys.OpList || isUnknown(u.Purpose) || u.Purpose.Kind == wire.KindChallenge:
		return maybe, causePurpose
	}
	return verdictOf(u.Purpose.Kind == wire.KindLogin && r.user.Match(u.Purpose.User))
}

// matchProgram checks the program that connected, not its parents.
func (r *rule) matchProgram(u *keys.Use) (verdict, string) {
	unknown := !u.Peer.Identified
	match := func(p keys.Pattern) bool {
		subject := u.Peer.Name
		if p.IsPath() {
			subject = filepath.ToSlash(u.Peer.Executable)
		}
		unknown = unknown || subject == ""
		return p.Match(subject)
	}
	matches := slices.ContainsFunc(r.program.Any, match) && !slices.ContainsFunc(r.program.Except, match)
	if unknown {
		return maybe, causeProgram
	}
	return verdictOf(matches)
}

// goesToNoHost reports whether the purpose is known and is not a login. A challenge
// counts as unknown.
func goesToNoHost(p wire.Purpose) bool {
	return !isUnknown(p) && p.Kind != wire.KindLogin && p.Kind != wire.KindChallenge
}

// matchHost accepts only names of a host that proved its key. A name without a port
// stands for all ports in a rule that asks or refuses, and for port 22 in one that
// allows.
func (r *rule) matchHost(u *keys.Use) (verdict, string) {
	d := &u.Destination
	switch {
	case u.Op == keys.OpSign && goesToNoHost(u.Purpose):
		return no, ""
	case !d.Trust.Proved():
		return maybe, causeUnverified
	}
	return matchNames(r.host, &d.Host, r.Action != Allow)
}

func verdictOf(match bool) (verdict, string) {
	if match {
		return yes, ""
	}
	return no, ""
}
