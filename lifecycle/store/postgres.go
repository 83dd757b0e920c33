package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/keybroker/keybroker/problem"
)

// connections is how many a command holds at once. A fleet has many commands.
const connections = 4

func openServer(ctx context.Context, where string) (*Store, error) {
	location, err := serverURL(where)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("pgx", location.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	if err := db.PingContext(ctx); err != nil {
		err = problem.With(fmt.Errorf("the store at %s cannot be reached: %w", location.Host, err), "psql %q shows whether the server lets you in", location.Redacted())
		return nil, errors.Join(err, db.Close())
	}
	return &Store{db, engine{name: "postgres", bytes: "BYTEA", again: isConflict, parameters: 8000}}, nil
}

// serverURL refuses a password, and insists on a certificate of a server that is not
// on this machine, unless the user chose another sslmode.
func serverURL(where string) (*url.URL, error) {
	location, err := url.Parse(where)
	if err != nil {
		return nil, problem.New("the URL of the store cannot be read", "write it as postgres://USER@HOST/DATABASE") // err may show a password
	}
	query := location.Query()
	if _, secret := location.User.Password(); secret || query.Has("password") || query.Has("sslpassword") {
		return nil, problem.New("the URL of the store holds a password, which other users can read in the list of processes",
			"leave it out, and write it into ~/.pgpass, or use a client certificate (sslcert=, sslkey=)")
	}
	if !query.Has("sslmode") && !isLocal(location, query) {
		query.Set("sslmode", "verify-full")
		location.RawQuery = query.Encode()
	}
	return location, nil
}

// isLocal reports whether the server is reached without a network.
func isLocal(location *url.URL, query url.Values) bool {
	host := location.Hostname()
	if query.Has("host") {
		host = query.Get("host")
	}
	return host == "" || host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.") || strings.HasPrefix(host, "/")
}

// isConflict: serialization_failure, deadlock_detected.
func isConflict(err error) bool {
	var failed *pgconn.PgError
	return errors.As(err, &failed) && (failed.Code == "40001" || failed.Code == "40P01")
}

// withRemedy explains insufficient_privilege.
func withRemedy(err error) error {
	var failed *pgconn.PgError
	if errors.As(err, &failed) && failed.Code == "42501" {
		return problem.With(err, "the role may not do that: docs/fleet.md has the rights of collectors, and which host a collector sends for")
	}
	return err
}
