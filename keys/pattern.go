package keys

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/keybroker/keybroker/keys/ascii"
)

// PatternStyle is how a pattern matches a text. 0: upper and lower case differ, and
// "?" is one character.
type PatternStyle uint8

const (
	// FoldASCII ignores the case of a to z, as OpenSSH does: host names, slots.
	FoldASCII PatternStyle = 1 << iota
	// FoldUnicode ignores the case of all letters: X.500 names (RFC 5280, section 7.1).
	FoldUnicode
	// SlashStops keeps "*" and "?" from matching "/" in a pattern that has one: a
	// rule's program.
	SlashStops
	// SingleBytes makes "?" one byte, as in OpenSSH: its files, messages and options.
	SingleBytes
	// CommasInside is for X.500 names, which have commas: only ",!" separates patterns.
	CommasInside
)

// Pattern is one pattern: "*" is any text, "?" one character, and the rest is
// literal.
type Pattern struct {
	Text string // in lower case with FoldASCII or FoldUnicode
	Wild bool   // it has "*" or "?"

	style          PatternStyle
	prefix, suffix string // before the first and after the last wildcard
	star           bool   // between them is only a single "*"
}

// NewPattern compiles one pattern; a leading "!" is literal.
func NewPattern(text string, style PatternStyle) Pattern {
	text = style.fold(text)
	if !strings.Contains(text, "/") {
		style &^= SlashStops
	}
	first, last := strings.IndexAny(text, "*?"), strings.LastIndexAny(text, "*?")
	if first < 0 {
		return Pattern{Text: text, style: style}
	}
	return Pattern{
		Text: text, Wild: true, style: style, prefix: text[:first], suffix: text[last+1:],
		star: first == last && text[first] == '*',
	}
}

// fold copies no lower-case text. What is not UTF-8 has no letters but those of ASCII:
// ToLower would make all such bytes one.
func (s PatternStyle) fold(text string) string {
	switch {
	case s&FoldUnicode != 0 && utf8.ValidString(text):
		return strings.ToLower(text)
	case s&(FoldASCII|FoldUnicode) != 0:
		return ascii.Lower(text)
	}
	return text
}

// IsPath reports whether the pattern is for a path.
func (p Pattern) IsPath() bool { return strings.Contains(p.Text, "/") }

// Match reports whether the pattern matches the whole text.
func (p Pattern) Match(text string) bool {
	text = p.style.fold(text)
	if !p.Wild {
		return p.Text == text
	}
	if len(text) < len(p.prefix)+len(p.suffix) || !strings.HasPrefix(text, p.prefix) || !strings.HasSuffix(text, p.suffix) {
		return false
	}
	if p.star {
		return p.style&SlashStops == 0 || strings.IndexByte(text[len(p.prefix):len(text)-len(p.suffix)], '/') < 0
	}
	return p.glob(text)
}

// glob backtracks only to the last "*". That is enough: a later "*" can take whatever
// an earlier one could, and in a path each "/" of the text can only match the same
// "/" of the pattern. So the time is bounded by len(pattern)*len(text).
func (p Pattern) glob(text string) bool {
	pattern, path := p.Text, p.style&SlashStops != 0
	pi, ti, star, mark := 0, 0, -1, 0
	for ti < len(text) {
		switch {
		case pi < len(pattern) && pattern[pi] == '*':
			star, mark = pi, ti
			pi++
		case pi < len(pattern) && pattern[pi] == '?' && !(path && text[ti] == '/'):
			pi, ti = pi+1, ti+p.width(text[ti:])
		case pi < len(pattern) && pattern[pi] != '?' && pattern[pi] == text[ti]:
			pi, ti = pi+1, ti+1
		case star >= 0 && !(path && text[mark] == '/'):
			mark++
			pi, ti = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[pi:], "*") == ""
}

// width returns how many bytes of text a "?" matches.
func (p Pattern) width(text string) int {
	if p.style&SingleBytes != 0 {
		return 1
	}
	_, n := utf8.DecodeRuneInString(text)
	return n
}

// Patterns is a list of patterns as in ssh_config(5). It matches what one of Any
// matches and none of Except, the patterns after "!". A list with only exceptions
// matches nothing.
type Patterns struct{ Any, Except []Pattern }

// ParsePatterns reads a comma-separated list. It drops empty patterns, which match
// nothing.
func ParsePatterns(list string, style PatternStyle) Patterns {
	var ps Patterns
	for _, text := range splitPatterns(list, style) {
		switch plain, except := strings.CutPrefix(text, "!"); {
		case plain == "":
		case except:
			ps.Except = append(ps.Except, NewPattern(plain, style))
		default:
			ps.Any = append(ps.Any, NewPattern(plain, style))
		}
	}
	return ps
}

func splitPatterns(list string, style PatternStyle) []string {
	if style&CommasInside == 0 {
		return strings.Split(list, ",")
	}
	parts := strings.Split(list, ",!")
	for i := range parts[1:] {
		parts[i+1] = "!" + parts[i+1]
	}
	return parts
}

// Match reports whether the list matches something that has these names: one of them
// must match, and none may be excepted.
func (ps Patterns) Match(texts ...string) bool {
	return matchAny(ps.Any, texts) && !matchAny(ps.Except, texts)
}

func matchAny(patterns []Pattern, texts []string) bool {
	for i := range patterns {
		for _, text := range texts {
			if patterns[i].Match(text) {
				return true
			}
		}
	}
	return false
}

// Within reports whether comparing the lists' texts proves that wider matches
// everything that ps matches.
func (ps Patterns) Within(wider Patterns) bool {
	return includes(wider.Any, ps.Any) && includes(ps.Except, wider.Except)
}

func includes(all, some []Pattern) bool {
	return !slices.ContainsFunc(some, func(p Pattern) bool { return !slices.Contains(all, p) })
}
