package platform

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func watched(t *testing.T, dir string) *DirWatch {
	t.Helper()
	w, err := WatchDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// told waits for a change; false: the watch has ended.
func told(t *testing.T, w *DirWatch) bool {
	t.Helper()
	select {
	case _, ok := <-w.Changes:
		return ok
	case <-time.After(10 * time.Second):
		t.Fatal("no change is told of")
		return false
	}
}

func TestWatchDirTellsOfNames(t *testing.T) {
	dir := t.TempDir()
	name, other := filepath.Join(dir, "agent.sock"), filepath.Join(dir, "other")
	for what, change := range map[string]func() error{
		"a new name":     func() error { return os.WriteFile(other, nil, 0o600) },
		"a removed name": func() error { return os.Remove(name) },
		"another name":   func() error { return os.Rename(name, other) },
	} {
		t.Run(what, func(t *testing.T) {
			_ = os.Remove(other) // of the case before
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			w := watched(t, dir)
			if err := change(); err != nil {
				t.Fatal(err)
			}
			if !told(t, w) {
				t.Error("the watch has ended")
			}
		})
	}
}

func TestWatchDirEndsWithTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	for what, end := range map[string]func(*DirWatch) error{
		"removed": func(*DirWatch) error { return os.Remove(dir) },
		"moved":   func(*DirWatch) error { return os.Rename(dir, dir+"2") },
		"closed":  func(w *DirWatch) error { w.Close(); return nil },
	} {
		t.Run(what, func(t *testing.T) {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			w := watched(t, dir)
			if err := end(w); err != nil {
				t.Fatal(err)
			}
			for told(t, w) {
			}
		})
	}
}

func TestWatchDirNeedsTheDirectory(t *testing.T) {
	if w, err := WatchDir(filepath.Join(t.TempDir(), "none")); err == nil {
		w.Close()
		t.Error("a directory that is not there is watched")
	}
}
