package policy

import (
	"strings"
	"unicode/utf8"
)

// pattern is a compiled match field. Its language is that of ssh_config(5)'s
// PATTERNS: "*" is any text, "?" one character, the rest stands for itself.
type pattern struct {
	text string
	wild bool

	prefix, suffix string // before the first and after the last wildcard
	star           bool   // a single "*" is all there is between them

	path bool // "*" and "?" stop at "/"
	fold bool // upper and lower case are the same (host names)
}

func compile(s string) pattern {
	first := strings.IndexAny(s, "*?")
	if first < 0 {
		return pattern{text: s}
	}
	last := strings.LastIndexAny(s, "*?")
	return pattern{
		text: s, wild: true, prefix: s[:first], suffix: s[last+1:],
		star: first == last && s[first] == '*',
	}
}

func compileHost(s string) pattern {
	p := compile(strings.ToLower(s))
	p.fold = true
	return p
}

func compileProgram(s string) pattern {
	p := compile(s)
	p.path = strings.Contains(s, "/")
	return p
}

func (p *pattern) match(s string) bool {
	if p.fold {
		s = strings.ToLower(s) // returns s itself when it is lower case already
	}
	if !p.wild {
		return p.text == s
	}
	if len(s) < len(p.prefix)+len(p.suffix) || !strings.HasPrefix(s, p.prefix) || !strings.HasSuffix(s, p.suffix) {
		return false
	}
	if p.star {
		return !p.path || strings.IndexByte(s[len(p.prefix):len(s)-len(p.suffix)], '/') < 0
	}
	return glob(p.text, s, p.path)
}

// glob goes back to the last "*" only. That is enough: an earlier one never
// has to take more when a later one can, and in a path each "/" of the text
// can only stand at the same "/" of the pattern. So the time is bounded by
// len(p)*len(s).
func glob(p, s string, path bool) bool {
	pi, si, star, mark := 0, 0, -1, 0
	for si < len(s) {
		switch {
		case pi < len(p) && p[pi] == '*':
			star, mark = pi, si
			pi++
		case pi < len(p) && p[pi] == '?' && !(path && s[si] == '/'):
			_, n := utf8.DecodeRuneInString(s[si:])
			pi, si = pi+1, si+n
		case pi < len(p) && p[pi] != '?' && p[pi] == s[si]:
			pi, si = pi+1, si+1
		case star >= 0 && !(path && s[mark] == '/'):
			mark++
			pi, si = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(p[pi:], "*") == ""
}

// foreign are characters that mean something in other pattern languages
// (ssh's lists and negation, the shell's sets, regular expressions). Here they
// would stand for themselves, and a refuse rule written with them would
// silently never match: so they are an error.
const foreign = `[]{}()|,!^$"\`

func checkPattern(field, s, allowed string) error {
	bad := func(r rune) bool {
		return unprintable(r) || strings.ContainsRune(foreign, r) && !strings.ContainsRune(allowed, r)
	}
	if i := strings.IndexFunc(s, bad); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		if field == "program" && r == '\\' {
			return fieldError(field, `bad pattern %q: write "/" between the parts of a path`, s)
		}
		return fieldError(field, `bad pattern %q: %q has no meaning here; use "*" for any text and "?" for one character, and one rule for each alternative`, s, r)
	}
	if s != strings.TrimSpace(s) {
		return fieldError(field, "bad pattern %q: it begins or ends with a space", s)
	}
	return nil
}

// checkHost lets through "[name]:port", which is how known_hosts writes a port
// other than 22.
func checkHost(s string) error {
	if name, port, ok := splitPort(s); ok {
		return checkPattern("host", name+port, "")
	}
	return checkPattern("host", s, "")
}

func splitPort(s string) (name, port string, ok bool) {
	if !strings.HasPrefix(s, "[") {
		return "", "", false
	}
	return strings.Cut(s[1:], "]:")
}
