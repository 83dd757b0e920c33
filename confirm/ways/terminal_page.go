package ways

import (
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/confirm"
	"golang.org/x/text/width"
)

const (
	// minColumns is the narrowest terminal that a question is shown on: the margin
	// and a few letters.
	minColumns = 30
	// margin begins each row that continues a line. It is wider than what our labels
	// stand behind, so that no value can begin a row that looks like one of ours.
	margin = labelWidth + 4
)

// size is how many columns and rows a terminal has; 0: it does not say.
type size struct{ columns, rows int }

// page breaks lines as the terminal would, but behind a margin, and says whether
// all of them, and the prompt behind them, stand on the screen together.
func (s size) page(text, prompt string) (page string, fits bool) {
	if s.columns == 0 || s.rows == 0 {
		return text, true
	}
	if s.columns < minColumns {
		return "", false
	}
	var rows []string
	for line := range strings.SplitSeq(text, "\n") {
		rows = append(rows, s.broken(line)...)
	}
	last := s.broken(prompt + "answer") // room to type
	return strings.Join(rows, "\n"), len(rows)-1+len(last) <= s.rows
}

// broken is one line as rows. The last column stays free: terminals differ in
// when they go on to the next row.
func (s size) broken(line string) []string {
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

// columnsOf is how many columns a character takes at most: those that some
// terminals show wide count as wide.
func columnsOf(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth, width.EastAsianAmbiguous:
		return 2
	}
	return 1
}

// fitting returns the first page of those with shorter and shorter values that
// stands whole on the screen.
func (t *Terminal) fitting(prompt string, text func(confirm.Wording) string) (string, error) {
	s := sizeOf(t.tty)
	for _, w := range confirm.Wordings() {
		if page, fits := s.page(text(w), prompt); fits {
			return page, nil
		}
	}
	return "", fmt.Errorf("terminal: %w on its screen of %d columns and %d rows\nmake it larger", confirm.ErrTooLong, s.columns, s.rows)
}
