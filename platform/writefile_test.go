//go:build unix

package platform

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func contains(t *testing.T, path, want string, mode fs.FileMode) {
	t.Helper()
	data, err := os.ReadFile(path)
	info, err2 := os.Lstat(path)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if string(data) != want || info.Mode() != mode {
		t.Errorf("%q with mode %v; want %q with %v", data, info.Mode(), want, mode)
	}
}

// noRemains asserts that dir holds n names, so no temporary file stayed.
func noRemains(t *testing.T, dir string, n int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != n {
		t.Errorf("the directory holds %v, %v; want %d", entries, err, n)
	}
}

func TestWriteFileAtomic(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, step := range []struct {
		data string
		mode fs.FileMode
	}{{"one", 0o600}, {"two, longer", 0o644}, {"", 0o400}, {"over a read-only one", 0o600}} {
		if err := WriteFileAtomic(path, []byte(step.data), step.mode); err != nil {
			t.Fatal(err)
		}
		contains(t, path, step.data, step.mode)
	}
	noRemains(t, dir, 1)
}

func TestWriteFileReplacesLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	os.WriteFile(target, []byte("untouched"), 0o600)
	os.Symlink(target, link)
	if err := WriteFileAtomic(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	contains(t, target, "untouched", 0o600)
	contains(t, link, "new", 0o600)
}

func TestWriteFileErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := WriteFileAtomic(filepath.Join(dir, "none", "f"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	os.Mkdir(path, 0o700)
	if err := WriteFileAtomic(path, nil, 0o600); err == nil { // rename fails after the temporary file was made
		t.Error("replaced a directory")
	}
	noRemains(t, dir, 1)
}

func TestWriteNewFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := WriteNewFile(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteNewFile(path, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v; want fs.ErrExist", err)
	}
	contains(t, path, "first", 0o600)
	dangling := filepath.Join(dir, "dangling")
	os.Symlink(filepath.Join(dir, "elsewhere"), dangling)
	if err := WriteNewFile(dangling, nil, 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a dangling link: %v; want fs.ErrExist", err)
	}
	noRemains(t, dir, 2)
}

func TestWriteNewFileOneWinner(t *testing.T) {
	dir := t.TempDir()
	var won atomic.Int32
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			switch err := WriteNewFile(filepath.Join(dir, "f"), []byte("x"), 0o600); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, fs.ErrExist):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 16 made the file; want 1", won.Load())
	}
	noRemains(t, dir, 1)
}
