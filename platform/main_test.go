//go:build linux || windows

package platform

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/keybroker/keybroker/platform/apart"
)

// childVariable names what the test binary is when a test runs it again as
// another process.
const childVariable = "PLATFORM_TEST_CHILD"

func TestMain(m *testing.M) {
	name := os.Getenv(childVariable)
	if name == "" {
		os.Exit(apart.Run(m.Run))
	}
	if err := child(name)(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, Text(err))
		os.Exit(1)
	}
}

// self is the test binary as the child of that name.
func self(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), childVariable+"="+name,
		"GORACE=atexit_sleep_ms=0") // else each child of a race build takes a second to end
	cmd.Stderr = os.Stderr
	return cmd
}
