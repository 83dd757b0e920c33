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

// The causes of a maybe, as the person reads them after "but".
const (
	causePurpose    = "what would be signed is not known"
	causeUnverified = "the destination is not proved"
	causeNameless   = "the host's key is in no known_hosts file"
	causeHashed     = "known_hosts has a hashed name for the host's key"
	causePattern    = "known_hosts has the host's key under a pattern"
	causeCut        = "known_hosts could not be read to its end"
	causeProgram    = "the program is not identified"
)

// rule is a Rule made ready, with the texts it will need, because a list of a
// thousand keys is decided key by key.
type rule struct {
	Rule
	key, host, user, program, socket keys.Patterns
	purpose                          keys.Pattern
	conditions                       []condition // of the fields that the rule has, the cheap ones first
	why, hides                       string
}

// condition is one field of a rule. With maybe it gives the cause.
type condition func(*rule, *keys.Use) (verdict, string)

func compileRule(r Rule) rule {
	if r.Action != Allow && r.Action != Ask {
		r.Action = Refuse
	}
	verb := map[Action]string{Allow: "allowed by", Ask: "asked by", Refuse: "refused by"}[r.Action]
	compiled := rule{
		Rule:    r,
		key:     keys.ParsePatterns(r.Key, 0),
		host:    keys.ParsePatterns(r.Host, keys.FoldCase),
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

// match gives the first cause with maybe.
func (r *rule) match(u *keys.Use) (verdict, string) {
	if !r.matchForwarded(u.Destination.Forwarded) || !r.matchSocket(u.Socket) || !r.matchKey(&u.Key) {
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

// matchSocket: an allow rule that names no socket holds for the agent's main
// socket alone. Whoever made a separate socket wants other rules for it.
func (r *rule) matchSocket(socket string) bool {
	if r.Socket == "" {
		return r.Action != Allow || socket == ""
	}
	return socket != "" && r.socket.Match(socket)
}

// matchKey does not look at the comment: whoever added the key chose it.
func (r *rule) matchKey(k *keys.Info) bool {
	return r.Key == "" || matchKey(r.key, k)
}

func matchKey(patterns keys.Patterns, k *keys.Info) bool {
	if k.Name == "" {
		return patterns.Match(k.Fingerprint)
	}
	return patterns.Match(k.Fingerprint, k.Name)
}

// isUnknown takes every kind that it does not know for unknown.
func isUnknown(p wire.Purpose) bool { return !p.Kind.Known() }

// mayAllow says whether an allow rule can speak of the purpose: of some only by name.
func (r *rule) mayAllow(p wire.Purpose) bool { return p.Kind.Everyday() || r.Purpose != "" }

func (r *rule) matchPurpose(u *keys.Use) (verdict, string) {
	switch {
	case u.Op == keys.OpList:
		return maybe, causePurpose
	case isUnknown(u.Purpose):
		return is(r.Purpose == string(wire.KindUnknown))
	case r.Purpose == string(u.Purpose.Kind): // "certificate" is both kinds of them
		return yes, ""
	}
	return is(r.purpose.Match(u.Purpose.String()))
}

func (r *rule) matchUser(u *keys.Use) (verdict, string) {
	switch {
	case u.Op == keys.OpList || isUnknown(u.Purpose) || u.Purpose.Kind == wire.KindChallenge:
		return maybe, causePurpose
	}
	return is(u.Purpose.Kind == wire.KindLogin && r.user.Match(u.Purpose.User))
}

// matchProgram looks at the program that connected, not at its parents.
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
	return is(matches)
}

// goesToNoHost is about what was read and is no login. A challenge was not read.
func goesToNoHost(p wire.Purpose) bool {
	return !isUnknown(p) && p.Kind != wire.KindLogin && p.Kind != wire.KindChallenge
}

// matchHost believes only in names of a host that proved its key. What is no
// login goes to no host. A rule that asks or refuses takes a name
// for all its ports; to allow a port other than 22 the rule has to name it.
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

func is(match bool) (verdict, string) {
	if match {
		return yes, ""
	}
	return no, ""
}
