package control

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
)

var pipes atomic.Int64

// socketPath returns the name of a pipe that no other server uses; one test may start several.
func socketPath(t testing.TB) string {
	return fmt.Sprintf(`\\.\pipe\keybroker-test-%d-%s-%d`, os.Getpid(), t.Name(), pipes.Add(1))
}

// tempDir is t.TempDir, which wine 8 cannot remove (os.RemoveAll).
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "control")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var all []string
		filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error { all = append(all, path); return nil })
		for _, path := range slices.Backward(all) {
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		}
	})
	return dir
}
