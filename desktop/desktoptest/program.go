// Package desktoptest finds the programs that tests of a desktop need.
package desktoptest

import (
	"os"
	"os/exec"
	"testing"
)

// leftOut is a variable that says "no" where the person runs the tests without a
// desktop's programs: make test DESKTOP=no.
const leftOut = "KEYBROKER_TEST_DESKTOP"

// Program returns the path of a program. A test of a desktop is skipped where it was
// left out, and fails where it is missing.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv(leftOut) == "no":
		t.Skip("needs a desktop's programs, which DESKTOP=no leaves out")
	default:
		t.Fatalf("%s is missing: run `make deps`", name)
	}
	return path
}
