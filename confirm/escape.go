package confirm

import (
	"strings"

	"github.com/keybroker/keybroker/platform"
)

// maxRead is how many bytes of a value are looked at.
const maxRead = 512

// maxTextLines bounds a text of several lines, so that the buttons below it
// stay on the screen.
const maxTextLines = 24

// Escape makes a value that another program chose safe to show in one line, in at
// most max characters. Beyond platform.Escape it takes the brackets, so that no
// value looks like a mark ("[verified]") and none is taken for HTML by a dialog
// program (Qt guesses it from the first line), and joins blanks, which could push
// a value to the start of the next line on the screen.
func Escape(s string, max int) string {
	if len(s) > maxRead { // its ends are all that is shown: spare the work
		s = s[:maxRead/2] + "…" + s[len(s)-maxRead/2:]
	}
	s = brackets.Replace(s)
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return platform.Escape(s, max)
}

var brackets = strings.NewReplacer("[", "(", "]", ")", "<", "(", ">", ")")

// quote is Escape in quotation marks, so that a value does not run on as if
// it were our own words.
func quote(s string, max int) string {
	return `"` + strings.ReplaceAll(Escape(s, max), `"`, "'") + `"`
}

// EscapeLines is Escape for a text of several lines that another package wrote
// around values it did not choose.
func EscapeLines(s string) string {
	lines := strings.Split(s, "\n")
	lines = lines[:min(len(lines), maxTextLines)]
	for i, line := range lines {
		lines[i] = Escape(line, MaxLong)
	}
	return strings.Join(lines, "\n")
}
