package platform

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestStampsShowAChange(t *testing.T) {
	long := time.Now().Add(-time.Hour)
	settle := func(paths ...string) {
		for _, path := range paths {
			if err := os.Chtimes(path, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, change := range map[string]func(dir, path string) error{
		"nothing":       func(string, string) error { return nil },
		"written over":  func(_, path string) error { return os.WriteFile(path, []byte("longer"), 0o600) },
		"removed":       func(_, path string) error { return os.Remove(path) },
		"another file":  func(dir, _ string) error { return os.WriteFile(filepath.Join(dir, "b"), nil, 0o600) },
		"was not there": func(dir, _ string) error { return os.Mkdir(filepath.Join(dir, "later"), 0o700) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a")
		if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
			t.Fatal(err)
		}
		settle(path, dir)
		var stamps, again Stamps
		for _, s := range []*Stamps{&stamps, &again} {
			for _, file := range []string{dir, path, filepath.Join(dir, "later")} {
				s.Take(file)
			}
		}
		if !stamps.Unchanged() || !stamps.Equal(&again) {
			t.Errorf("%s: changed before", name)
		}
		if err := change(dir, path); err != nil {
			t.Fatal(err)
		}
		if stamps.Unchanged() != (name == "nothing") {
			t.Errorf("%s: unchanged is %v", name, stamps.Unchanged())
		}
	}
}

// A stamp of this moment would hide a change within the file system's step.
func TestYoungStampIsNotTrusted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var stamps Stamps
	stamps.Take(path)
	if stamps.Unchanged() {
		t.Error("a stamp of this moment is trusted")
	}
}

// A reading that failed is repeated, whatever the stamps say.
func TestDistrustedStamp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	var stamps Stamps
	stamps.Take(path)
	if !stamps.Unchanged() {
		t.Fatal("a path without a file has changed")
	}
	if stamps.Distrust(); stamps.Unchanged() {
		t.Error("a reading that failed is trusted")
	}
}
