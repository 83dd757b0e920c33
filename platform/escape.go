package platform

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks may follow one character: enough for every
// script in use, too few to cover neighbouring lines.
const maxMarks = 4

// clipped stands for what was left out.
const clipped = "…"

// Escape makes a text that another program chose safe to show: one line of at most max
// characters (runes). Characters that are invisible, or that move or hide other text,
// become \x1b, \u202e or \U000e0001. A long text loses its middle.
//
// A backslash stays as it is, so the original cannot be restored. Right-to-left letters
// stay too: put them at the end of a line, or in quotes.
func Escape(s string, max int) string {
	total := 0
	for part := range parts(s) {
		total += utf8.RuneCountInString(part)
	}
	if total <= max {
		return pick(s, total, 0)
	}
	if max < 1 {
		return ""
	}
	tail := (max - 1) / 2
	return pick(s, max-1-tail, total-tail)
}

// pick joins the parts that end within the first head runes of the escaped
// text, and those that start at rune from or later. No escape is cut in two.
func pick(s string, head, from int) string {
	var out strings.Builder
	at, gap := 0, false
	for part := range parts(s) {
		start := at
		at += utf8.RuneCountInString(part)
		switch {
		case at <= head || from > 0 && start >= from:
			out.WriteString(part)
		case !gap:
			out.WriteString(clipped)
			gap = true
		}
	}
	return out.String()
}

// parts yields what each character of s is shown as.
func parts(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		marks := maxMarks // at the beginning there is nothing to put a mark on
		for len(s) > 0 {
			r, size := utf8.DecodeRuneInString(s)
			part := s[:size]
			switch {
			case r == utf8.RuneError && size == 1:
				part, marks = fmt.Sprintf(`\x%02x`, s[0]), 0
			case unicode.Is(unicode.M, r) && visible(r):
				if marks++; marks > maxMarks {
					part = escaped(r)
				}
			case visible(r):
				marks = 0
			default:
				part, marks = escaped(r), 0
			}
			if !yield(part) {
				return
			}
			s = s[size:]
		}
	}
}

// visible is narrower than unicode.IsPrint, which knows no format characters
// (bidi, zero width) and no separators but the space, yet takes fillers and
// variation selectors for letters and marks, and the blank braille cell for a symbol.
func visible(r rune) bool {
	const blankBraille = '\u2800'
	return unicode.IsPrint(r) && r != blankBraille &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func escaped(r rune) string {
	switch {
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
