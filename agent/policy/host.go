package policy

import (
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/ascii"
)

// matchNames compares patterns with what is known about a proved host's names. With
// maybe it returns the cause. In a rule that allows, a name stands for port 22 only;
// in one that asks or refuses (strict), for all ports. Exceptions are read the other
// way round, so that they make no rule less strict.
func matchNames(patterns keys.Patterns, host *keys.Host, strict bool) (verdict, string) {
	result, cause := matchHost(patterns.Any, host, strict)
	if result == no {
		return no, ""
	}
	switch excepted, why := matchHost(patterns.Except, host, !strict); {
	case excepted == yes && strict && mayBeOtherHost(patterns, host):
		return maybe, causePattern
	case excepted == yes:
		return no, ""
	case excepted == maybe && result == yes:
		return maybe, why
	}
	return result, cause
}

// mayBeOtherHost reports whether known_hosts also has the host's key under a pattern
// whose names the rule means and does not except. A typed name that fits such a
// pattern does not prove that the host is not one of the others.
func mayBeOtherHost(patterns keys.Patterns, host *keys.Host) bool {
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

// matchHost returns the best verdict of the patterns.
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

// pattern matches the names of a host, some of which may be uncertain.
type pattern struct{ keys.Pattern }

// matchHost needs no hashed names for a pattern without "*" and "?": the name was
// tried against every hash (Rules.HostNames).
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

// matchLine returns yes when every name that a known_hosts line stands for
// matches, and maybe when some may.
func (p *pattern) matchLine(line string, allPorts bool) verdict {
	parts := strings.Split(ascii.Lower(line), ",")
	excluded := func(part string) bool { // the part of p that part matches
		return slices.ContainsFunc(parts, func(other string) bool {
			except, negated := strings.CutPrefix(other, "!")
			return negated && covers(except, p.asKnownHosts(part))
		})
	}
	result := no
	all := len(parts) > 0
	for _, part := range parts {
		if strings.HasPrefix(part, "!") {
			continue
		}
		bare, _, hasPort := keys.SplitPort(part)
		switch {
		case covers(p.Text, part) || hasPort && allPorts && covers(p.Text, bare):
			result = maybe
		case p.overlaps(part, hasPort && allPorts, bare) && !excluded(part):
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

// asKnownHosts returns p as known_hosts writes it with the port of part: "!prod"
// excepts nothing from "[*]:2222".
func (p *pattern) asKnownHosts(part string) string {
	if _, port, hasPort := keys.SplitPort(part); hasPort && !strings.HasPrefix(p.Text, "[") {
		return "[" + p.Text + "]:" + port
	}
	return p.Text
}

func (p *pattern) overlaps(part string, withoutPort bool, bare string) bool {
	return overlap(p.Text, part) || withoutPort && overlap(p.Text, bare)
}

// covers reports whether wide matches everything that narrow matches. It may miss
// a case, which then counts as maybe.
func covers(wide, narrow string) bool {
	if strings.Contains(wide, "?") && strings.Contains(narrow, "*") {
		return false
	}
	return keys.NewPattern(wide, 0).Match(narrow) // narrow's wildcards are plain text here, which only a wildcard matches
}

// overlap reports whether some text matches both patterns.
func overlap(a, b string) bool {
	if len(a) > maxHostPattern || len(b) > maxHostPattern {
		return true
	}
	row := make([]bool, len(b)+1) // whether a[i:] and b[j:] match a common text
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

// maxHostPattern bounds the work of overlap: a DNS name has at most 253 characters.
const maxHostPattern = 300

// HostNames returns the names without wildcards that rules and sockets mention,
// excepted ones included. They are tried against hashed names, which cannot be read.
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

// revoked returns why a use must be refused: known_hosts revokes the key of the
// host, of a hop or of the unproved host that a login names, or the authority that
// signed the key.
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
