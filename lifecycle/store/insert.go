package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// table is where rows are inserted, and what happens to a row that is there already.
type table struct {
	name     string
	columns  []string
	conflict string // after ON CONFLICT
}

// insert adds rows, as many in one statement as the engine has parameters for. Rows
// go in order of the first two columns, which hold the key, so that two commands which
// insert the same rows wait for each other and never in a circle.
func (t table) insert(ctx context.Context, tx *sql.Tx, parameters int, rows [][]any) error {
	slices.SortStableFunc(rows, byKey)
	rows = slices.CompactFunc(rows, func(a, b []any) bool { return byKey(a, b) == 0 })
	most := max(parameters/len(t.columns), 1)
	if len(rows) > most {
		whole, err := tx.PrepareContext(ctx, t.statement(most))
		if err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
		defer whole.Close()
		for ; len(rows) > most; rows = rows[most:] {
			if _, err := whole.ExecContext(ctx, flat(rows[:most])...); err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, t.statement(len(rows)), flat(rows)...); err != nil {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	return nil
}

// byKey orders rows by their first two columns: bytes or text.
func byKey(a, b []any) int {
	for column := range 2 {
		if order := strings.Compare(text(a[column]), text(b[column])); order != 0 {
			return order
		}
	}
	return 0
}

func text(column any) string {
	switch column := column.(type) {
	case []byte:
		return string(column)
	case string:
		return column
	}
	return ""
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
