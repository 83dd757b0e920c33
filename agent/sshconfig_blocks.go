package agent

import (
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/ascii"
)

// applies reports whether a block of the configuration applies to the host.
type applies int

const (
	no applies = iota
	maybe
	yes
)

// matchHost is for "Host PATTERN …".
func (r *configReader) matchHost(patterns []string) applies {
	if keys.ParsePatterns(strings.Join(patterns, ","), openSSHHost).Match(r.host) {
		return yes
	}
	return no
}

// match is for "Match CRITERION [PATTERNS] …": all of them must hold.
func (r *configReader) match(words []string) applies {
	result := yes
	for i := 0; i < len(words); i++ {
		criterion, negated := strings.CutPrefix(ascii.Lower(words[i]), "!")
		holds := maybe
		switch criterion {
		case "all":
			holds = yes
		case "canonical", "final":
		default: // the others have an argument
			i++
			if i < len(words) && (criterion == "originalhost" || criterion == "host") {
				holds = r.matchHost(words[i : i+1])
			}
			if criterion == "host" && holds != yes && len(r.names) > 0 { // it matches HostName, if set
				holds = maybe
			}
		}
		if negated {
			holds = yes - holds
		}
		result = min(result, holds)
	}
	return result
}

// configWords splits a line of ssh_config(5) into the lower-case keyword and the
// arguments, which may be quoted.
func configWords(line string) (keyword string, words []string) {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "#") {
		return "", nil
	}
	end := strings.IndexAny(line, " \t=\"")
	if end < 0 {
		return ascii.Lower(line), nil
	}
	keyword = ascii.Lower(line[:end])
	rest := strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	quoted := false
	split := func(c rune) bool {
		if c == '"' {
			quoted = !quoted
			return true
		}
		return !quoted && (c == ' ' || c == '\t')
	}
	words = strings.FieldsFunc(rest, split)
	if i := slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(word, "#") }); i >= 0 {
		words = words[:i]
	}
	return keyword, words
}
