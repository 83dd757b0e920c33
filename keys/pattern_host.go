package keys

import "strings"

// SplitPort splits "[name]:port", the form of known_hosts. It returns a name without a
// port unchanged.
func SplitPort(written string) (name, port string, hasPort bool) {
	if inner, ok := strings.CutPrefix(written, "["); ok {
		if name, port, hasPort = strings.Cut(inner, "]:"); hasPort {
			return name, port, true
		}
	}
	return written, "", false
}

// MatchHost is Match for a name in the form of known_hosts. With allPorts, a pattern
// without a port matches the name with any port.
func (p Pattern) MatchHost(name string, allPorts bool) bool {
	if p.Match(name) {
		return true
	}
	bare, _, hasPort := SplitPort(name)
	return hasPort && allPorts && p.Match(bare)
}

// MatchHost is Match for the names of one host, on all ports.
func (ps Patterns) MatchHost(names ...string) bool {
	anyOf := func(patterns []Pattern) bool {
		for i := range patterns {
			for _, name := range names {
				if patterns[i].MatchHost(name, true) {
					return true
				}
			}
		}
		return false
	}
	return anyOf(ps.Any) && !anyOf(ps.Except)
}
