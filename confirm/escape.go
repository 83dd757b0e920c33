package confirm

import (
	"strings"

	"github.com/keybroker/keybroker/platform"
)

// maxRead bounds how many bytes of a value are examined.
const maxRead = 512

// maxTextLines bounds a text of several lines, so that the buttons below it stay on
// the screen.
const maxTextLines = 24

// Escape makes a value that another program chose safe to show in one line of at
// most max characters. In addition to platform.Escape it replaces brackets, so that
// no value looks like a mark ("[verified]") and no dialog program takes one for HTML
// (Qt guesses from the first line). It also merges spaces: many of them could push
// a value to the start of the next line.
func Escape(s string, max int) string {
	if len(s) > maxRead { // only its ends are shown
		s = s[:maxRead/2] + "…" + s[len(s)-maxRead/2:]
	}
	s = brackets.Replace(s)
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return platform.Escape(s, max)
}

var brackets = strings.NewReplacer("[", "(", "]", ")", "<", "(", ">", ")")

// quote is Escape in quotation marks, so that a value cannot pass for our own words.
func quote(s string, max int) string {
	return `"` + strings.ReplaceAll(Escape(s, max), `"`, "'") + `"`
}

// EscapeLines is Escape for a text of several lines that contains values of other
// programs.
func EscapeLines(s string) string {
	lines := strings.Split(s, "\n")
	lines = lines[:min(len(lines), maxTextLines)]
	for i, line := range lines {
		lines[i] = Escape(line, MaxLong)
	}
	return strings.Join(lines, "\n")
}
