//go:build unix

package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The welcome says how a shell finds the program, until it does.
func TestPathLine(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	for shell, want := range map[string]string{
		"sh": "PATH=" + filepath.Dir(exe) + ":$PATH;", "csh": "set path = (" + filepath.Dir(exe) + " $path);", "fish": "set -gx PATH '" + filepath.Dir(exe) + "' $PATH;",
	} {
		if got := pathLine(shell); got != want {
			t.Errorf("%s: %s, want %s", shell, got, want)
		}
	}
	if err := os.Symlink(exe, filepath.Join(dir, "keybroker")); err != nil {
		t.Fatal(err)
	}
	if got := pathLine("sh"); got != "" {
		t.Errorf("found already, and %s", got)
	}
}
