package export

import (
	"encoding/csv"
	"io"
	"strings"

	"github.com/keybroker/keybroker/agent/audit"
)

// columns are the titles of the CSV. New ones come last, so that programs can count.
var columns = []string{"seq", "time", "id", "op", "decision", "rule", "reason", "key", "comment", "fingerprint", "program", "pid", "purpose", "user", "trust", "host", "forwarded",
	"exe", "uid", "socket", "grant", "repeats", "digest", "step", "hash"}

// newCSV writes RFC 4180, with a line of titles.
func newCSV(out io.Writer) Writer {
	w := csv.NewWriter(out)
	w.UseCRLF = true
	write := func(cells []string) error {
		_ = w.Write(cells)
		w.Flush()
		return w.Error()
	}
	return Writer{
		Head:   func() error { return write(columns) },
		Record: func(r audit.Record) error { return write(csvCells(factsOf(r))) },
	}
}

func csvCells(f facts) []string {
	cells := []string{f.seq, f.time, f.id, f.op, f.decision, f.rule, f.reason, f.key, f.comment, f.fingerprint, f.program, f.pid, f.purpose, f.account, f.trust, f.host, f.forwarded,
		f.exe, f.uid, f.socket, f.grant, f.repeats, f.digest, f.step, f.hash}
	for i, cell := range cells {
		cells[i] = noFormula(cell)
	}
	return cells
}

// noFormula keeps a spreadsheet from reading a text that a program chose as a formula.
func noFormula(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
