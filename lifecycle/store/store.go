// Package store keeps what is known of the life of keys: inventories, where keys open
// doors and since when, uses, watches, plans and tombstones.
//
// It is one file (SQLite), or for a fleet a server that speaks PostgreSQL. Both take
// the same SQL. A Store may be used by several goroutines at once, and a file or a
// server by several processes.
package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
)

// ErrNone is returned for what the store does not have.
var ErrNone = errors.New("not in the store")

// Store is an open store. Close it.
type Store struct {
	db     *sql.DB
	engine engine
}

// engine is in what SQLite and PostgreSQL differ.
type engine struct {
	name  string
	bytes string               // the type of raw bytes
	byKey string               // after a table whose rows are kept in order of their key
	again func(err error) bool // whether a transaction that failed so is to be tried again

	// parameters is how many one INSERT has, at the least those of a row. A server far
	// away should answer seldom; in a file, a row at a time is faster.
	parameters int
}

// Open opens the store at where: the path of a file, which is made with mode 0600 if
// it is not there, or a URL postgres://…. Tables are made, and changed where an older
// keybroker made them; without the right to do so in a fleet, they must be there.
//
// A password in the URL is an error: other users would see it in the list of processes.
func Open(ctx context.Context, where string) (*Store, error) {
	open := openFile
	if isURL(where) {
		open = openServer
	}
	s, err := open(ctx, where)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func isURL(where string) bool {
	return strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://")
}

// Close closes the store.
func (s *Store) Close() error { return s.db.Close() }

// attempts is how often a transaction is tried that met another one. A distributed
// engine leaves it to its clients to try again.
const attempts = 8

// write runs change in a transaction, again when another one was in its way. So
// change must begin anew each time.
func (s *Store) write(ctx context.Context, change func(*sql.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := s.once(ctx, change)
		if err == nil || attempt == attempts || !s.engine.again(err) {
			return withRemedy(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(attempt*attempt) * 10 * time.Millisecond):
		}
	}
}

func (s *Store) once(ctx context.Context, change func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := change(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// each calls row for each row of a query.
func each(ctx context.Context, db querier, query string, args []any, row func(scan func(...any) error) error) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// millis is a time as the store has it.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
