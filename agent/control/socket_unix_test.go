//go:build unix

package control

import (
	"path/filepath"
	"testing"
)

// socketPath returns a path that no other test uses.
func socketPath(t testing.TB) string { return filepath.Join(t.TempDir(), "run", "control.sock") }

func tempDir(t testing.TB) string { return t.TempDir() }
