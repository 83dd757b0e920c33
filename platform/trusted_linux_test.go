package platform

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// write makes a file of exactly this mode.
func write(t *testing.T, path string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTrustedFiles(t *testing.T) {
	for mode, want := range map[os.FileMode]struct{ trusted, private string }{
		0o600: {},
		0o400: {},
		0o644: {private: "is open to others (mode 0644)\nrun: chmod go= "},
		0o640: {private: "is open to others (mode 0640)"},
		0o602: {trusted: "may be written by others (mode 0602)\nrun: chmod go-w "},
		0o666: {trusted: "may be written by others (mode 0666)"},
	} {
		path := write(t, filepath.Join(t.TempDir(), "file"), mode)
		for read, reason := range map[*func(string, int64) ([]byte, error)]string{ptr(ReadTrusted): want.trusted, ptr(ReadPrivate): want.trusted + want.private} {
			content, err := (*read)(path, 7)
			wantReason(t, err, reason)
			if reason == "" && string(content) != "content" {
				t.Errorf("mode %04o: read %q", mode, content)
			}
		}
	}
}

func ptr[T any](v T) *T { return &v }

// wantReason wants no error for "".
func wantReason(t *testing.T, err error, reason string) {
	t.Helper()
	switch {
	case reason == "" && err != nil:
		t.Errorf("refused: %v", err)
	case reason != "" && (err == nil || !strings.Contains(Text(err), reason)):
		t.Errorf("got %v, want %q", err, reason)
	}
}

// The group that is the user's alone has the user's number.
func TestGroupOfTheUserAlone(t *testing.T) {
	own, other := uint32(os.Geteuid()), uint32(os.Geteuid()+1)
	if othersWrite(0o664, own) || !othersWrite(0o664, other) || !othersWrite(0o666, own) || othersWrite(0o644, other) {
		t.Error("the wrong group may write")
	}
}

func TestReadRegularWaitsForNothing(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, dir, "/dev/zero"} {
		_, err := ReadRegular(path, 10)
		wantReason(t, err, "not a regular file\n")
	}
	_, err := ReadRegular(filepath.Join(dir, "nothing"), 10)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	path := write(t, filepath.Join(dir, "file"), 0o600)
	_, err = ReadRegular(path, 6)
	wantReason(t, err, "more than 6 bytes")
}

func TestTrustedFileOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give a file away")
	}
	path := write(t, filepath.Join(t.TempDir(), "file"), 0o600)
	if err := os.Chown(path, 1234, 1234); err != nil {
		t.Fatal(err)
	}
	_, err := ReadTrusted(path, 10)
	wantReason(t, err, "belongs to uid 1234")
}

func TestTrustedDirectories(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	wantReason(t, CheckTrustedDir(filepath.Join(dir, "not", "there")), "")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	wantReason(t, CheckTrustedDir(dir), "")
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	wantReason(t, CheckTrustedDir(dir), "may be written by others")
	wantReason(t, CheckTrustedDir(filepath.Join(dir, "not", "there")), "may be written by others")
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	wantReason(t, CheckTrustedDir(dir), "")
}

// Root with a user's HOME: the user's link leads to a directory of root's.
func TestTrustedDirectoryBehindAUsersLink(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root's directories are looked at up to the top")
	}
	home := t.TempDir()
	roots := filepath.Join(t.TempDir(), "roots")
	if err := os.Mkdir(roots, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(roots, filepath.Join(home, "state")); err != nil {
		t.Fatal(err)
	}
	wantReason(t, CheckTrustedDir(filepath.Join(home, "state")), "") // a link of root's own
	if err := os.Chown(home, 1234, 1234); err != nil {
		t.Fatal(err)
	}
	wantReason(t, CheckTrustedDir(filepath.Join(home, "state")), home+" belongs to uid 1234")
}
