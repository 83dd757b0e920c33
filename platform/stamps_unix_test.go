//go:build unix

package platform

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A program that writes into a file, or puts another one in its place, and sets the
// time back, cannot hide that.
func TestTimesThatWereSetBack(t *testing.T) {
	long := time.Now().Add(-time.Hour)
	for name, change := range map[string]func(path string) error{
		"written into": func(path string) error { return os.WriteFile(path, []byte("two"), 0o600) },
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte("two"), 0o600), os.Rename(path+".new", path))
		},
	} {
		path := t.TempDir() + "/a"
		must(t, os.WriteFile(path, []byte("one"), 0o600))
		must(t, os.Chtimes(path, long, long))
		before, err := os.Stat(path)
		must(t, err)
		var stamps Stamps
		stamps.Take(path)
		if !stamps.Unchanged() {
			t.Fatal(name, "changed before")
		}
		for first := changedAt(t, path); changedAt(t, path) == first; { // the clock of the file system has steps
			must(t, change(path))
			must(t, os.Chtimes(path, long, long))
		}
		if again, err := os.Stat(path); err != nil || !again.ModTime().Equal(before.ModTime()) || again.Size() != before.Size() {
			t.Fatal(name, "the file does not look like the one before:", err)
		}
		if stamps.Unchanged() {
			t.Error(name, "was not noticed")
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func changedAt(t *testing.T, path string) time.Time {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Stat(path, &st))
	return time.Unix(st.Ctim.Unix())
}
