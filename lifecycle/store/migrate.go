package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"strings"
	"time"

	"github.com/keybroker/keybroker/problem"
)

// migrations are schema/0001.sql and so on. One that was released is never changed:
// a change is a new file.
//
//go:embed schema
var migrations embed.FS

// migrate brings the tables to the version of this keybroker. Each migration is one
// transaction.
func (s *Store) migrate(ctx context.Context) error {
	files, err := migrations.ReadDir("schema")
	if err != nil {
		return err
	}
	have, err := s.version(ctx)
	if err != nil {
		return err
	}
	if have > len(files) {
		return problem.New(fmt.Sprintf("a newer keybroker made the store (version %d, this one knows %d)", have, len(files)), "use the newer keybroker")
	}
	for version := have + 1; version <= len(files); version++ {
		if err := s.apply(ctx, version, files[version-1].Name()); err != nil {
			return problem.With(fmt.Errorf("the tables of the store cannot be made: %w", err), "in a fleet, let a role that owns the tables run keybroker report first: keybroker guide, or docs/fleet.md")
		}
	}
	return nil
}

// version is how many migrations were applied: 0 in a new store.
func (s *Store) version(ctx context.Context) (version int, err error) {
	there := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'migrations'"
	if s.engine.name == "postgres" {
		there = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'migrations' AND table_schema = current_schema()"
	}
	var tables int
	if err := s.db.QueryRowContext(ctx, there).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	err = s.db.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM migrations").Scan(&version)
	return version, err
}

// apply runs one migration. Where two processes begin at once, the row of the version
// lets one of them win, and the other finds the tables made.
func (s *Store) apply(ctx context.Context, version int, file string) error {
	text, err := migrations.ReadFile("schema/" + file)
	if err != nil {
		return err
	}
	failed := s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY, applied BIGINT NOT NULL)"); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO migrations (version, applied) VALUES ($1, $2)", version, millis(time.Now())); err != nil {
			return err
		}
		for _, statement := range statements(strings.NewReplacer("BYTES", s.engine.bytes, " BY KEY", s.engine.byKey).Replace(string(text))) {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if now, err := s.version(ctx); failed != nil && err == nil && now >= version {
		return nil
	}
	return failed
}

// statements splits a file of ours, which has no semicolon within a statement. Lines
// of comment go.
func statements(text string) (list []string) {
	var code []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "--") {
			code = append(code, line)
		}
	}
	for _, statement := range strings.Split(strings.Join(code, ""), ";") {
		if strings.TrimSpace(statement) != "" {
			list = append(list, statement)
		}
	}
	return list
}
