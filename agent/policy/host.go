package policy

import (
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys"
)

// matchNames holds patterns against what is known of a proved host's names, and
// gives the cause of a maybe. A rule that allows has to name a port other than 22,
// one that asks or refuses (strict) takes a name for all its ports. An exception is
// read the other way, so that it makes no rule less strict.
func matchNames(patterns keys.Patterns, host *keys.Host, strict bool) (verdict, string) {
	result, cause := matchHost(patterns.Any, host, strict)
	if result == no {
		return no, ""
	}
	switch excepted, why := matchHost(patterns.Except, host, !strict); {
	case excepted == yes && strict && mayBeAnother(patterns, host):
		return maybe, causePattern
	case excepted == yes:
		return no, ""
	case excepted == maybe && result == yes:
		return maybe, why
	}
	return result, cause
}

// mayBeAnother reports whether known_hosts has the host's key also under a pattern
// for names that are meant and not excepted. A name that was typed is tried against
// such a pattern, and is no proof that the host is not one of the others.
func mayBeAnother(patterns keys.Patterns, host *keys.Host) bool {
	best := func(list []keys.Pattern, line string, allPorts bool) (result verdict) {
		for _, p := range list {
			result = max(result, (&pattern{p}).matchLine(line, allPorts))
		}
		return result
	}
	return slices.ContainsFunc(host.Patterns, func(line string) bool {
		return best(patterns.Any, line, true) != no && best(patterns.Except, line, false) != yes
	})
}

// matchHost is the best that one of the patterns gives.
func matchHost(patterns []keys.Pattern, host *keys.Host, allPorts bool) (result verdict, cause string) {
	for i := range patterns {
		p := pattern{patterns[i]}
		switch match, why := p.matchHost(host, allPorts); {
		case match == yes:
			return yes, ""
		case match == maybe && result == no:
			result, cause = maybe, why
		}
	}
	return result, cause
}

// pattern is one for names of hosts, of which some may be uncertain.
type pattern struct{ keys.Pattern }

// matchHost: literal names without "*" and "?" were tried against all that is
// hashed (Rules.HostNames).
func (p *pattern) matchHost(host *keys.Host, allPorts bool) (verdict, string) {
	if slices.ContainsFunc(host.Names, func(name string) bool { return p.MatchHost(name, allPorts) }) {
		return yes, ""
	}
	overlap := false
	for _, line := range host.Patterns {
		switch p.matchLine(line, allPorts) {
		case yes:
			return yes, ""
		case maybe:
			overlap = true
		}
	}
	switch {
	case overlap:
		return maybe, causePattern
	case host.Cut:
		return maybe, causeCut
	case host.Hashed && p.Wild:
		return maybe, causeHashed
	case len(host.Names)+len(host.Patterns) == 0 && !host.Hashed:
		return maybe, causeNameless
	}
	return no, ""
}

// matchLine says whether all the names that a line of known_hosts stands for
// match, or some may.
func (p *pattern) matchLine(line string, allPorts bool) verdict {
	parts := strings.Split(strings.ToLower(line), ",")
	excluded := func(part string) bool { // of part, what p stands for
		return slices.ContainsFunc(parts, func(other string) bool {
			except, negated := strings.CutPrefix(other, "!")
			return negated && covers(except, p.written(part))
		})
	}
	result := no
	all := len(parts) > 0
	for _, part := range parts {
		if strings.HasPrefix(part, "!") {
			continue
		}
		bare, _, has := keys.SplitPort(part)
		switch {
		case covers(p.Text, part) || has && allPorts && covers(p.Text, bare):
			result = maybe
		case p.overlaps(part, has && allPorts, bare) && !excluded(part):
			result, all = maybe, false
		default:
			all = false
		}
	}
	if all && result == maybe {
		return yes
	}
	return result
}

// written is p as known_hosts writes it for the port of part: "!prod" excepts
// nothing from "[*]:2222".
func (p *pattern) written(part string) string {
	if _, port, has := keys.SplitPort(part); has && !strings.HasPrefix(p.Text, "[") {
		return "[" + p.Text + "]:" + port
	}
	return p.Text
}

func (p *pattern) overlaps(part string, portToo bool, bare string) bool {
	return overlap(p.Text, part) || portToo && overlap(p.Text, bare)
}

// covers says whether wide matches all that narrow matches. It may miss a case;
// then the answer is a maybe.
func covers(wide, narrow string) bool {
	if strings.Contains(wide, "?") && strings.Contains(narrow, "*") {
		return false
	}
	return keys.NewPattern(wide, 0).Match(narrow) // its wildcards stand for themselves, and are matched by wildcards alone
}

// overlap says whether some text matches both patterns.
func overlap(a, b string) bool {
	if len(a) > maxHostPattern || len(b) > maxHostPattern {
		return true
	}
	row := make([]bool, len(b)+1) // whether what follows a[i:] and b[j:] has a text in common
	for i := len(a); i >= 0; i-- {
		next := slices.Clone(row)
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				row[j] = true
			case i < len(a) && a[i] == '*':
				row[j] = next[j] || j < len(b) && row[j+1]
			case j < len(b) && b[j] == '*':
				row[j] = row[j+1] || i < len(a) && next[j]
			case i == len(a) || j == len(b):
				row[j] = false
			default:
				row[j] = next[j+1] && (a[i] == b[j] || a[i] == '?' || b[j] == '?')
			}
		}
	}
	return row[0]
}

// maxHostPattern bounds the work of overlap: a DNS name has 253 characters.
const maxHostPattern = 300

// HostNames are the hosts that rules and sockets name, or except, without a
// wildcard: to be tried against hashed names, which say nothing by themselves.
func (rs *Rules) HostNames() []string {
	if rs == nil {
		return nil
	}
	var names []string
	add := func(list keys.Patterns) {
		for _, p := range slices.Concat(list.Any, list.Except) {
			if !p.Wild {
				names = append(names, p.Text)
			}
		}
	}
	for i := range rs.rules {
		add(rs.rules[i].host)
	}
	for _, v := range rs.views {
		add(v.hosts)
	}
	return names
}

// revoked says why a use may not go on at all: known_hosts revokes the key of the
// host, of a hop or of the host that a login names without proof, or revokes the
// authority that signed it.
func revoked(u *keys.Use) string {
	host := &u.Destination.Host
	if u.Destination.Named.Revoked != "" {
		host = &u.Destination.Named
	}
	for i := range u.Destination.Hops {
		if hop := &u.Destination.Hops[i]; hop.Revoked != "" {
			host = hop
		}
	}
	if host.Revoked == "" {
		return ""
	}
	return "the host's key " + host.Fingerprint + " is revoked: " + host.Revoked
}
