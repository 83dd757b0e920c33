package audit

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Somebody who may write in the state directory can put these things in the log's way.
// None is followed or changed, and none blocks.
func TestOpensNothingElse(t *testing.T) {
	november := func() time.Time { return time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC) }
	for name, test := range map[string]struct {
		prepare func(dir, victim string) error
		want    string
	}{
		"nothing in the way": {func(string, string) error { return nil }, ""},
		"the directory is a link": {func(dir, victim string) error {
			must(t, os.Remove(dir))
			return os.Symlink(filepath.Dir(victim), dir)
		}, "is not a directory (links are not followed)"},
		"the month is a link":      {func(dir, victim string) error { return os.Symlink(victim, filepath.Join(dir, novemberFile)) }, "is a symbolic link, which is not followed"},
		"the month is a hard link": {func(dir, victim string) error { return os.Link(victim, filepath.Join(dir, novemberFile)) }, "has a second name"},
		"the month is a FIFO":      {func(dir, _ string) error { return syscall.Mkfifo(filepath.Join(dir, novemberFile), 0o600) }, "is not a regular file"},
		"the lock is a link":       {func(dir, victim string) error { return os.Symlink(victim, filepath.Join(dir, lockName)) }, "is a symbolic link, which is not followed"},
		"others write above": {func(dir, _ string) error { return os.Chmod(filepath.Dir(dir), 0o777) },
			"may be written by others"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "audit")
			victim := filepath.Join(t.TempDir(), "victim")
			must(t, os.Mkdir(dir, 0o755))
			must(t, os.WriteFile(victim, nil, 0o644))
			must(t, os.Chmod(filepath.Dir(victim), 0o755))
			must(t, test.prepare(dir, victim))
			log, err := Open(Config{Dir: dir, Now: november})
			if err == nil {
				_, err = log.Append(Record{Decision: Allowed})
				must(t, log.Close())
			}
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			}
			if len(contents(t, victim)) > 0 {
				t.Error("the file at the link's end was written to")
			}
			if info, err := os.Stat(filepath.Dir(victim)); err != nil || info.Mode().Perm() != 0o755 {
				t.Errorf("the directory at the link's end has mode %v now: %v", info.Mode(), err)
			}
		})
	}
}

// A broker that runs as root with a user's HOME.
func TestDirectoryOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give a directory away")
	}
	home := t.TempDir()
	dir := filepath.Join(home, "audit")
	must(t, os.Mkdir(dir, 0o700))
	must(t, os.Chown(dir, 1234, 1234))
	if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "belongs to uid 1234") {
		t.Errorf("a directory of another user: %v", err)
	}
	must(t, os.Chown(dir, 0, 0))
	must(t, os.Chown(home, 1234, 1234))
	if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), home+" belongs to uid 1234") {
		t.Errorf("a directory in one of another user: %v", err)
	}
	must(t, os.Chown(home, 0, 0))
	log, err := Open(Config{Dir: dir})
	must(t, err)
	must(t, log.Close())
}
