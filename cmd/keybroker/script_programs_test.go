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
	goBuild(ts, "-o", path, "../"+name)
}

// cmdVersion is "version NUMBER": keybroker is of that version from here on.
func cmdVersion(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: version NUMBER")
	}
	dir := ts.MkAbs("version-" + args[0])
	goBuild(ts, "-ldflags=-X=github.com/keybroker/keybroker/cli/version.linked="+args[0], "-o", filepath.Join(dir, "keybroker"), ".")
	ts.Setenv("PATH", dir+":"+ts.Getenv("PATH"))
}

func goBuild(ts *testscript.TestScript, args ...string) {
	cmd := exec.Command("go", append([]string{"build"}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("%v\n%s", err, out)
	}
}
