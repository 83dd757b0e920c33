//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

var building sync.Mutex

// cmdLifecycle builds keybroker-lifecycle. A script that uses its commands calls it first.
func cmdLifecycle(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: lifecycle")
	}
	buildBeside(ts, lifecycleProgram)
}

// buildBeside puts another program of ours where keybroker looks for it: beside itself.
func buildBeside(ts *testscript.TestScript, name string) {
	building.Lock()
	defer building.Unlock()
	path := filepath.Join(filepath.Dir(commandPath(ts, "keybroker")), name)
	if _, err := os.Stat(path); err == nil {
		return
	}
	cmd := exec.Command("go", "build", "-o", path, "../"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("%v\n%s", err, out)
	}
}
