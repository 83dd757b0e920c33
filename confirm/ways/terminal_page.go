package ways

import (
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/text/width"
)

const (
	// minColumns is the narrowest screen for a question: the margin and a few letters.
	minColumns = 30
	// margin indents each row that continues a line. It is wider than the column of the
	// labels, so that no value can begin a row that looks like a fact.
	margin = labelWidth + 4
)

// size is the size of a terminal's screen; 0: unknown.
type size struct{ columns, rows int }

// page breaks lines as the terminal would, but with a margin, and says whether all of
// them and the prompt fit on the screen.
func (s size) page(text, prompt string) (page string, fits bool) {
	if s.columns == 0 || s.rows == 0 {
		return text, true
	}
	if s.columns < minColumns {
		return "", false
	}
	var rows []string
	for line := range strings.SplitSeq(text, "\n") {
		rows = append(rows, s.wrap(line)...)
	}
	last := s.wrap(prompt + "answer") // room to type
	return strings.Join(rows, "\n"), len(rows)-1+len(last) <= s.rows
}

// wrap breaks one line into rows. It leaves the last column free, where terminals
// differ in when they begin the next row.
func (s size) wrap(line string) []string {
	var rows []string
	var row strings.Builder
	at := 0
	for _, r := range line {
		if w := columnsOf(r); at+w >= s.columns {
			rows = append(rows, row.String())
			row.Reset()
			row.WriteString(strings.Repeat(" ", margin))
			at = margin
		}
		row.WriteRune(r)
		at += columnsOf(r)
	}
	return append(rows, row.String())
}

// columnsOf is how many columns a character takes at most: one that some terminals
// show wide counts as wide.
func columnsOf(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth, width.EastAsianAmbiguous:
		return 2
	}
	return 1
}

// fitting returns the page with the longest values that fits on the screen.
func (t *Terminal) fitting(prompt string, text func(confirm.Wording) string) (string, error) {
	s := sizeOf(t.tty)
	for _, w := range confirm.Wordings() {
		if page, fits := s.page(text(w), prompt); fits {
			return page, nil
		}
	}
	return "", problem.With(fmt.Errorf("%w on its screen of %d columns and %d rows", confirm.ErrTooLong, s.columns, s.rows), "make it larger")
}
