// Package desktoptest finds the programs that tests of a desktop need.
package desktoptest

import (
	"os"
	"os/exec"
	"testing"
)

// desktopVariable is "no" in a test run without desktop programs: make test DESKTOP=no.
const desktopVariable = "KEYBROKER_TEST_DESKTOP"

// Program returns the path of a program. Without it, the test is skipped in a run without
// desktop programs, and fails otherwise.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv(desktopVariable) == "no":
		t.Skip("needs desktop programs, which DESKTOP=no leaves out")
	default:
		t.Fatalf("%s is missing: run `make deps`", name)
	}
	return path
}
