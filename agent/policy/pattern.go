package policy

import (
	"strings"
	"unicode/utf8"

	"github.com/keybroker/keybroker/keys"
)

// foreign are characters that mean something in other pattern languages
// (the shell's sets, regular expressions), or within a pattern nothing. They
// would stand for themselves, and a refuse rule written with them would
// silently never match: so they are an error.
const foreign = `[]{}()|,!^$"\`

func checkPattern(field, list, allowed string) error {
	if err := keys.CheckPatterns(list, 0); err != nil {
		return fieldError(field, "bad pattern %q: %v", list, err)
	}
	return checkCharacters(field, list, allowed)
}

// checkCharacters looks at each pattern of a list by itself.
func checkCharacters(field, list, allowed string) error {
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimPrefix(part, "!")
		if name, port, has := keys.SplitPort(part); has && (field == "host" || field == "hosts") {
			part = name + port // that is how known_hosts writes a port other than 22
		}
		if r, found := firstForeign(part, allowed); found {
			return foreignError(field, list, r)
		}
	}
	return nil
}

func firstForeign(part, allowed string) (r rune, found bool) {
	bad := func(r rune) bool {
		return unprintable(r) || strings.ContainsRune(foreign, r) && !strings.ContainsRune(allowed, r)
	}
	i := strings.IndexFunc(part, bad)
	if i < 0 {
		return 0, false
	}
	r, _ = utf8.DecodeRuneInString(part[i:])
	return r, true
}

func foreignError(field, list string, r rune) error {
	switch {
	case field == "program" && r == '\\':
		return fieldError(field, `bad pattern %q: write "/" between the parts of a path`, list)
	case field == "purpose":
		return fieldError(field, `bad pattern %q: %q has no meaning here; use "*" for any text and "?" for one character, and one rule for each alternative`, list, r)
	}
	return fieldError(field, `bad pattern %q: %q has no meaning here; use "*" for any text, "?" for one character, "," between patterns and "!" before one that is excepted`, list, r)
}
