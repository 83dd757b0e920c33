package cli

import (
	"io"
	"os"
	"slices"
	"strings"

	pretty "github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/keybroker/keybroker/platform"
	"golang.org/x/term"
)

const (
	// columnGap separates two columns.
	columnGap = 2
	// narrowest is the minimum width of a column. If the terminal has no room for all
	// columns at this width, the last ones move below their row.
	narrowest = 16
	// maxLine bounds one line of a cell in a table that is not fitted.
	maxLine = 4096

	// FingerprintTitle is the only column that is shortened: its text cannot be wrapped.
	FingerprintTitle = "FINGERPRINT"
)

// Table writes rows in aligned columns. On a terminal they fit its width. In a pipe or a
// file, or with --wide, they have their natural width.
type Table struct {
	out     io.Writer
	room    int  // columns of the terminal; 0: no limit
	colours bool // whether colours are shown
	painted map[int]map[string]text.Color

	titles []string   // nil: a table of facts, with their names in the first column
	rows   []tableRow // not yet written
	widths []int      // set for a table that is written row by row; else the rows decide
	begun  bool       // whether the titles were written
	text   strings.Builder
}

type tableRow struct {
	cells []string
	whole bool   // the last cell is never wrapped
	line  string // if set: a text across all columns, instead of cells
}

// NewTable reads the width of the terminal, if out is one.
func NewTable(out io.Writer, wide bool) *Table {
	t := &Table{out: out, painted: map[int]map[string]text.Color{}}
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return t
	}
	t.colours = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" // no-color.org
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && !wide {
		t.room = width
	}
	return t
}

// Head begins a new table with titles, after the rows so far.
func (t *Table) Head(titles ...string) {
	if len(t.rows) > 0 {
		t.layOut()
		t.text.WriteString("\n")
	}
	t.titles, t.widths, t.begun = titles, nil, false
	t.painted = map[int]map[string]text.Color{}
}

// Unlimited reports whether rows have their natural width.
func (t *Table) Unlimited() bool { return t.room == 0 }

// Roll sets the widths of the columns, for a table whose rows are flushed one by one.
func (t *Table) Roll(widths []int) { t.widths = widths }

// Paint colours the cells of one column by their whole text.
func (t *Table) Paint(column int, colours map[string]text.Color) { t.painted[column] = colours }

// Row adds a row; an empty cell shows as "-".
func (t *Table) Row(cells ...string) {
	shown := make([]string, len(cells))
	for i, cell := range cells {
		if shown[i] = oneCell(cell); cell == "" {
			shown[i] = "-"
		}
	}
	t.rows = append(t.rows, tableRow{cells: shown})
}

// Below adds a line to the last column, under the row before.
func (t *Table) Below(cell string) {
	blank := make([]string, len(t.rows[len(t.rows)-1].cells))
	blank[len(blank)-1] = oneCell(cell)
	t.rows = append(t.rows, tableRow{cells: blank})
}

// Whole adds a row whose last cell people copy. If it is too wide, the terminal breaks
// it, so that a selection is still one line.
func (t *Table) Whole(cells ...string) {
	t.Row(cells...)
	t.rows[len(t.rows)-1].whole = true
}

// Line adds a text across all columns.
func (t *Table) Line(text string) { t.rows = append(t.rows, tableRow{line: oneCell(text)}) }

// oneCell escapes a cell's text again: if a caller forgot to, a name could move the
// cursor or colour the terminal.
func oneCell(cell string) string { return Escaped(cell) }

// Escaped escapes each line of a text that may hold what others chose.
func Escaped(cell string) string {
	lines := strings.Split(cell, "\n")
	for i, line := range lines {
		lines[i] = platform.Escape(line, maxLine)
	}
	return strings.Join(lines, "\n")
}

// Flush writes the rows that were added.
func (t *Table) Flush() error {
	t.layOut()
	_, err := io.WriteString(t.out, t.text.String())
	t.text.Reset()
	return err
}

func (t *Table) layOut() {
	rows := t.rows
	t.rows = nil
	if t.titles != nil && !t.begun {
		rows = append([]tableRow{{cells: t.titles}}, rows...)
	}
	widths := t.widths
	if widths == nil {
		widths = naturalWidths(rows)
	}
	if t.room > 0 {
		widths = fit(widths, t.room)
	}
	for i, row := range rows {
		isTitle := t.titles != nil && !t.begun && i == 0
		if row.cells == nil {
			t.indented(row.line)
		} else {
			t.write(row, widths, isTitle)
		}
	}
	t.begun = true
}

// naturalWidths is the width of each column when nothing is shortened.
func naturalWidths(rows []tableRow) []int {
	var widths []int
	for _, row := range rows {
		for i, cell := range row.cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], text.LongestLineLen(cell))
		}
	}
	return widths
}

// fit returns the widths of the columns that have room side by side, at least one. The
// column that lacks least gets the remaining room first.
func fit(natural []int, room int) []int {
	var widths []int
	for i, width := range natural {
		width = min(width, narrowest)
		if i > 0 && width+columnGap > room {
			break
		}
		if i > 0 {
			room -= columnGap
		}
		widths = append(widths, width)
		room -= width
	}
	lacks := func(i int) int { return natural[i] - widths[i] }
	order := make([]int, len(widths))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return lacks(i) - lacks(j) })
	for _, i := range order {
		grow := max(0, min(lacks(i), room))
		widths[i] += grow
		room -= grow
	}
	return widths
}

// write writes one row, and below it the cells without room for a column.
func (t *Table) write(row tableRow, widths []int, isTitle bool) {
	cells := row.cells
	w := pretty.NewWriter()
	w.SetStyle(plainStyle)
	w.SuppressTrailingSpaces()
	side := min(len(cells), len(widths))
	configs := t.columns(widths[:side])
	if row.whole {
		configs[side-1].WidthMax = 0
	}
	w.SetColumnConfigs(configs)
	line := make(pretty.Row, side)
	for i := range line {
		line[i] = t.coloured(i, cells[i])
	}
	w.AppendRow(line)
	t.text.WriteString(w.Render() + "\n")
	if !isTitle {
		for i := side; i < len(cells); i++ {
			t.writeBelow(i, cells[i])
		}
	}
}

// plainStyle has no lines, only spaces between columns.
var plainStyle = pretty.Style{Name: "plain", Box: pretty.BoxStyle{PaddingRight: strings.Repeat(" ", columnGap)}}

func (t *Table) columns(widths []int) []pretty.ColumnConfig {
	configs := make([]pretty.ColumnConfig, len(widths))
	for i, width := range widths {
		configs[i] = pretty.ColumnConfig{Number: i + 1, WidthMin: width}
		if t.room > 0 {
			configs[i].WidthMax, configs[i].WidthMaxEnforcer = width, text.WrapSoft
			if i < len(t.titles) && t.titles[i] == FingerprintTitle {
				configs[i].WidthMaxEnforcer = shorten
			}
		}
	}
	return configs
}

func shorten(cell string, width int) string { return text.Snip(cell, width, "…") }

// coloured paints a cell if its text has a colour.
func (t *Table) coloured(column int, cell string) string {
	colour, ok := t.painted[column][cell]
	if !ok || !t.colours {
		return cell
	}
	return colour.EscapeSeq() + cell + text.EscapeReset
}

// writeBelow writes a cell under its row, with its title.
func (t *Table) writeBelow(column int, cell string) {
	if cell == "-" || cell == "" {
		return
	}
	shown := t.coloured(column, cell)
	if column < len(t.titles) {
		shown = strings.ToLower(t.titles[column]) + ": " + shown
	}
	t.indented(shown)
}

func (t *Table) indented(line string) {
	const indent = "    "
	if t.room > 0 {
		line = text.WrapSoft(line, max(t.room-len(indent), narrowest))
	}
	for part := range strings.SplitSeq(line, "\n") {
		t.text.WriteString(indent + strings.TrimRight(part, " ") + "\n")
	}
}
