//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// realProgram builds keybroker as it is, and returns its directory.
func realProgram(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	build := exec.Command("go", "build", "-o", dir, "./cmd/keybroker")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// The checklist for macOS passes here, leaves nothing behind, and fails where keybroker
// does not do what it should.
func TestChecklist(t *testing.T) {
	need(t, "ssh-add", "openssh-client")
	programs := realProgram(t)
	run := func() (string, error) {
		out, err := exec.Command("../macos-checklist", "--unattended", programs).CombinedOutput()
		return string(out), err
	}
	before, _ := filepath.Glob("/tmp/kb.*")
	out, err := run()
	if err != nil || !strings.Contains(out, "\nAll of it works here.\n") || strings.Contains(out, "\nFAIL ") {
		t.Errorf("%v\n%s", err, out)
	}
	if after, _ := filepath.Glob("/tmp/kb.*"); len(after) > len(before) {
		t.Errorf("left behind: %q", after)
	}

	// One that forgets why it refused.
	whole := filepath.Join(programs, "whole")
	script := "#!/bin/sh\n[ \"$1\" != why ] || exit 0\nexec " + whole + " \"$@\"\n"
	keybroker := filepath.Join(programs, "keybroker")
	if err := os.Rename(keybroker, whole); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keybroker, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := run(); err == nil || !strings.Contains(out, "FAIL   and why says so") || !strings.Contains(out, "1 of these failed") {
		t.Errorf("%v\n%s", err, out)
	}
}
