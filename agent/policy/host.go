package policy

import (
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys"
)

// matchNames holds a pattern against what is known of a proved host's names, and
// gives the cause of a maybe. literal names without "*" and "?" were tried
// against all that is hashed (Rules.HostNames). allPorts: a pattern without a port
// stands for each one.
func (p *pattern) matchNames(host *keys.Host, allPorts bool) (verdict, string) {
	if slices.ContainsFunc(host.Names, func(name string) bool { return p.matchName(name, allPorts) }) {
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
	case host.Hashed && p.wild:
		return maybe, causeHashed
	case len(host.Names)+len(host.Patterns) == 0 && !host.Hashed:
		return maybe, causeNameless
	}
	return no, ""
}

func (p *pattern) matchName(name string, allPorts bool) bool {
	if p.match(name) {
		return true
	}
	bare, _, has := splitPort(name)
	return has && allPorts && p.match(bare)
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
		bare, _, has := splitPort(part)
		switch {
		case covers(p.text, part) || has && allPorts && covers(p.text, bare):
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
	if _, port, has := splitPort(part); has && !strings.HasPrefix(p.text, "[") {
		return "[" + p.text + "]:" + port
	}
	return p.text
}

func (p *pattern) overlaps(part string, portToo bool, bare string) bool {
	return overlap(p.text, part) || portToo && overlap(p.text, bare)
}

// covers says whether wide matches all that narrow matches. It may miss a case;
// then the answer is a maybe.
func covers(wide, narrow string) bool {
	if strings.Contains(wide, "?") && strings.Contains(narrow, "*") {
		return false
	}
	w := compile(wide)
	return w.match(narrow) // its wildcards stand for themselves, and are matched by wildcards alone
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

// HostNames are the hosts that rules and sockets name without a pattern: to be
// tried against hashed names, which say nothing by themselves.
func (rs *Rules) HostNames() []string {
	if rs == nil {
		return nil
	}
	var names []string
	add := func(p *pattern) {
		if p.text != "" && !p.wild {
			names = append(names, p.text)
		}
	}
	for i := range rs.rules {
		add(&rs.rules[i].host)
	}
	for _, v := range rs.views {
		for i := range v.hosts {
			add(&v.hosts[i])
		}
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
