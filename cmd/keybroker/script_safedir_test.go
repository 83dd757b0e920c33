//go:build linux

package main

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdSafeDir is "safedir": sets $SAFE to a new directory that nobody but root can
// write to, nor rename on the way to it. It goes when the script ends.
func cmdSafeDir(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: safedir")
	}
	dir, err := os.MkdirTemp("/run", "keybroker-test-")
	ts.Check(err)
	ts.Setenv("SAFE", dir)
	rigOf(ts).onEnd(func() { os.RemoveAll(dir) })
}
