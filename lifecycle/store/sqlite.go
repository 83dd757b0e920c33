package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/keybroker/keybroker/problem"
)

// pragmas of every connection. A write-ahead log lets a report read while an
// inventory writes. busy_timeout is in milliseconds.
var pragmas = []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-65536)"}

// openFile opens a file. Who may read it knows every door of the user, so that it is
// 0600; SQLite gives the files beside it the same mode.
func openFile(ctx context.Context, path string) (*Store, error) {
	if err := private(path); err != nil {
		return nil, fmt.Errorf("the store %s: %w", path, err)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	location := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}.Encode()}
	db, err := sql.Open("sqlite", location.String())
	if err != nil {
		return nil, err
	}
	if err := db.PingContext(ctx); err != nil {
		err = problem.With(fmt.Errorf("the store %s cannot be opened: %w", path, err), "if it is damaged: move it away, and the next inventory makes a new one")
		return nil, errors.Join(err, db.Close())
	}
	return &Store{db, engine{name: "sqlite", bytes: "BLOB", byKey: " WITHOUT ROWID", again: isBusy, parameters: 1}}, nil
}

// private makes the file, and takes the rights of others away from one that is there.
func private(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	for _, name := range []string{path, path + "-wal", path + "-shm", path + "-journal"} { // that SQLite opens
		if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
			return problem.With(fmt.Errorf("%s is not a regular file (links are not followed)", name), "replace it with the file itself, or give another one: --store FILE")
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(file.Chmod(0o600), file.Close())
}

func isBusy(err error) bool {
	var failed *sqlite.Error
	return errors.As(err, &failed) && failed.Code()&0xff == sqlite3.SQLITE_BUSY
}
