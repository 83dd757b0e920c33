package keys

import "strings"

// SplitPort takes "[name]:port", the form of known_hosts, apart. A name without
// a port is returned as it is.
func SplitPort(written string) (name, port string, hasPort bool) {
	if inner, ok := strings.CutPrefix(written, "["); ok {
		if name, port, hasPort = strings.Cut(inner, "]:"); hasPort {
			return name, port, true
		}
	}
	return written, "", false
}

// MatchHost is Match for a name as known_hosts writes it. With allPorts a pattern
// without a port stands for all ports of the name.
func (p Pattern) MatchHost(name string, allPorts bool) bool {
	if p.Match(name) {
		return true
	}
	bare, _, hasPort := SplitPort(name)
	return hasPort && allPorts && p.Match(bare)
}

// MatchHost is Match for names of one host, on all their ports.
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
