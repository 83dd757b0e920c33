package policy

import (
	"strings"
	"unicode/utf8"

	"github.com/keybroker/keybroker/keys"
)

// unsupported are the characters that have a meaning in other pattern languages
// (shell globs, regular expressions) but not in a pattern here. As plain text they
// would make a refuse rule silently never match, so they are an error.
const unsupported = `[]{}()|,!^$"\`

func checkPattern(field, list, allowed string) error {
	if err := keys.CheckPatterns(list, 0); err != nil {
		return fieldError(field, "bad pattern %q: %v", list, err)
	}
	return checkCharacters(field, list, allowed)
}

// checkCharacters checks each pattern of a list.
func checkCharacters(field, list, allowed string) error {
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimPrefix(part, "!")
		if name, port, hasPort := keys.SplitPort(part); hasPort && (field == "host" || field == "hosts") {
			part = name + port // without the brackets of known_hosts
		}
		if r, found := firstUnsupported(part, allowed); found {
			return unsupportedError(field, list, r)
		}
	}
	return nil
}

func firstUnsupported(part, allowed string) (r rune, found bool) {
	bad := func(r rune) bool {
		return unprintable(r) || strings.ContainsRune(unsupported, r) && !strings.ContainsRune(allowed, r)
	}
	i := strings.IndexFunc(part, bad)
	if i < 0 {
		return 0, false
	}
	r, _ = utf8.DecodeRuneInString(part[i:])
	return r, true
}

func unsupportedError(field, list string, r rune) error {
	switch {
	case field == "program" && r == '\\':
		return fieldError(field, `bad pattern %q: write "/" between the parts of a path`, list)
	case field == "purpose":
		return fieldError(field, `bad pattern %q: %q has no meaning here; use "*" for any text and "?" for one character, and one rule for each alternative`, list, r)
	}
	return fieldError(field, `bad pattern %q: %q has no meaning here; use "*" for any text, "?" for one character, "," between patterns and "!" before an exception`, list, r)
}
