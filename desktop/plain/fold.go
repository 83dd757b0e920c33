package plain

import (
	"strings"
	"unicode/utf8"
)

// fold breaks a text that does not fit on one line. Its other lines begin with
// rest: they cannot be taken for rows of their own, as the ones that a dialog
// breaks itself, which begin where the labels are.
func fold(label, text string, fits func(line string) bool) []string {
	var lines []string
	for head := label; ; head = rest {
		n := fitting(head, text, fits)
		lines = append(lines, head+text[:n])
		text = strings.TrimPrefix(text[n:], " ")
		if text == "" {
			return lines
		}
	}
}

// fitting is how many bytes of text fit behind head: all, or up to a blank in
// the second half of what fits, or up to any character; one at least.
func fitting(head, text string, fits func(line string) bool) int {
	if text == "" || fits(head+text) {
		return len(text)
	}
	_, n := utf8.DecodeRuneInString(text)
	for next := n; next < len(text) && fits(head+text[:next]); {
		n = next
		_, size := utf8.DecodeRuneInString(text[next:])
		next += size
	}
	if blank := strings.LastIndexByte(text[:n], ' '); blank > n/2 {
		return blank
	}
	return n
}
