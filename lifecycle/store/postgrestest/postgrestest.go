// Package postgrestest runs a real PostgreSQL for a test.
package postgrestest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Server is a PostgreSQL with data and socket in a directory of its own. It listens on
// no network and lets in whoever reaches the directory.
type Server struct {
	dir  string
	user []string // command that runs another one as the user of the server
}

// Start starts a server, which ends with the test. options are settings ("fsync=off").
// The test is skipped where PostgreSQL is not to be had from a Debian.
func Start(t testing.TB, options ...string) *Server {
	t.Helper()
	bin := programs()
	if bin == "" && runtime.GOOS != "linux" {
		t.Skip("needs PostgreSQL")
	}
	if bin == "" {
		t.Fatal("needs PostgreSQL: apt-get install postgresql")
	}
	s := &Server{}
	s.dir = directory(t)
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		s.user = []string{"setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--inh-caps=-all"}
		s.must(t, exec.Command("chown", "nobody:nogroup", s.dir))
	}
	data := filepath.Join(s.dir, "data")
	s.must(t, s.command(filepath.Join(bin, "initdb"), "--no-sync", "--auth=trust", "--username=owner", "--encoding=UTF8", "--locale=C", data))
	settings := "-c listen_addresses='' -c unix_socket_directories='" + s.dir + "'"
	for _, option := range options {
		settings += " -c " + option
	}
	control := filepath.Join(bin, "pg_ctl")
	s.must(t, s.command(control, "--wait", "--pgdata="+data, "--log="+filepath.Join(s.dir, "log"), "--options="+settings, "start"))
	t.Cleanup(func() { s.must(t, s.command(control, "--wait", "--pgdata="+data, "--mode=immediate", "stop")) })
	return s
}

// URL is where a role finds a database of the server.
func (s *Server) URL(role, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database, RawQuery: url.Values{"host": {s.dir}}.Encode()}
	return u.String()
}

// Database makes an empty database and returns its URL for the owner.
func (s *Server) Database(t testing.TB, name string) string {
	t.Helper()
	s.SQL(t, "postgres", "CREATE DATABASE "+name)
	return s.URL("owner", name)
}

// SQL runs statements as the owner and returns what psql prints, in unaligned rows.
func (s *Server) SQL(t testing.TB, database, text string) string {
	t.Helper()
	cmd := exec.Command("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", s.URL("owner", database))
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return string(out)
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	line := append(append([]string{}, s.user...), append([]string{name}, args...)...)
	cmd := exec.CommandContext(context.Background(), line[0], line[1:]...)
	cmd.Dir = s.dir
	return cmd
}

func (s *Server) must(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	file, err := os.CreateTemp("", "kb-postgres-") // pg_ctl's server would hold a pipe open
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(file.Name())
		t.Fatal(fmt.Errorf("%s: %w\n%s", cmd, err, said))
	}
}

// programs is the directory of initdb and pg_ctl, which Debian keeps out of PATH.
func programs() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil && len(found) == 0 {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			found = []string{path}
		}
	}
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}

// directory has a short path: that of a socket may be 107 bytes long.
func directory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "kb-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
