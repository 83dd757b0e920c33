// Package ascii compares as OpenSSH does: A to Z are a to z, and every other byte is
// itself. strings.ToLower and EqualFold also take the Kelvin sign for a k, a long s for
// an s, and all bytes that are not UTF-8 for one another.
package ascii

import "strings"

// Lower returns text with a to z for A to Z (tolower(3) in the C locale). It copies
// nothing where there is nothing to change.
func Lower(text string) string {
	first := strings.IndexFunc(text, isUpper)
	if first < 0 {
		return text
	}
	lower := []byte(text)
	for i := first; i < len(lower); i++ {
		if isUpper(rune(lower[i])) {
			lower[i] += 'a' - 'A'
		}
	}
	return string(lower)
}

func isUpper(c rune) bool { return 'A' <= c && c <= 'Z' }

// EqualFold reports whether two texts are the same but for upper and lower case
// (strcasecmp(3) in the C locale).
func EqualFold(a, b string) bool { return len(a) == len(b) && Lower(a) == Lower(b) }
