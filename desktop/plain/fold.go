package plain

import (
	"strings"
	"unicode/utf8"
)

// fold breaks a text that does not fit on one line. Its further lines begin with
// continuation, so that they cannot pass for rows. Lines that the dialog itself breaks
// could: they begin where the labels are.
func fold(label, text string, fits func(line string) bool) []string {
	var lines []string
	for head := label; ; head = continuation {
		n := fittingBytes(head, text, fits)
		lines = append(lines, head+text[:n])
		text = strings.TrimPrefix(text[n:], " ")
		if text == "" {
			return lines
		}
	}
}

// fittingBytes is how many bytes of text fit behind head: all, or up to a space in the
// second half of what fits, or up to any character, but at least one character.
func fittingBytes(head, text string, fits func(line string) bool) int {
	if text == "" || fits(head+text) {
		return len(text)
	}
	_, n := utf8.DecodeRuneInString(text)
	for next := n; next < len(text) && fits(head+text[:next]); {
		n = next
		_, size := utf8.DecodeRuneInString(text[next:])
		next += size
	}
	if space := strings.LastIndexByte(text[:n], ' '); space > n/2 {
		return space
	}
	return n
}
