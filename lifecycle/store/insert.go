package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// parameters is how many one statement has at the most. SQLite takes 32,766, and
// PostgreSQL 65,535; more than some thousand are no faster.
const parameters = 8000

// table is where rows are inserted, and what happens to a row that is there already.
type table struct {
	name     string
	columns  []string
	conflict string // after ON CONFLICT
}

// insert adds rows, many in one statement: a server far away answers once. The first
// column is the identifier. Rows go in its order, so that two commands which insert
// the same rows wait for each other and never in a circle.
func (t table) insert(ctx context.Context, tx *sql.Tx, rows [][]any) error {
	slices.SortStableFunc(rows, func(a, b []any) int { return bytes.Compare(a[0].([]byte), b[0].([]byte)) })
	rows = slices.CompactFunc(rows, func(a, b []any) bool { return bytes.Equal(a[0].([]byte), b[0].([]byte)) })
	most := parameters / len(t.columns)
	for len(rows) > 0 {
		n := min(most, len(rows))
		if _, err := tx.ExecContext(ctx, t.statement(n), flat(rows[:n])...); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
		rows = rows[n:]
	}
	return nil
}

func (t table) statement(rows int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", t.name, strings.Join(t.columns, ", "))
	for n := range rows {
		b.WriteString([]string{"(", ", ("}[min(n, 1)])
		for column := range t.columns {
			b.WriteString([]string{"$", ", $"}[min(column, 1)])
			fmt.Fprint(&b, n*len(t.columns)+column+1)
		}
		b.WriteByte(')')
	}
	b.WriteString(" ON CONFLICT " + t.conflict)
	return b.String()
}

func flat(rows [][]any) (all []any) {
	for _, row := range rows {
		all = append(all, row...)
	}
	return all
}
