//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"agentconform": main}) }

// TestScripts tries real agents: keybroker, which it builds, and the system's ssh-agent.
func TestScripts(t *testing.T) {
	build := sync.OnceValues(func() (string, error) {
		out := filepath.Join(t.TempDir(), "keybroker")
		cmd := exec.Command("go", "build", "-o", out, "../keybroker")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s", err, text)
		}
		return out, nil
	})
	keybroker, err := build()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := filepath.Abs("../../packaging/agentconform/keybroker.profile")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("KEYBROKER", keybroker)
			env.Setenv("PROFILE", profile)
			env.Setenv("TMPDIR", "/tmp") // a socket's path is short
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code, "waitfor": waitFor},
	})
}

// code runs a command that must end with an exit code: code 2 agentconform --only x.
func code(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND [ARGUMENT ...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = fmt.Sprint(err)
		if exit, ok := err.(*exec.ExitError); ok {
			got = fmt.Sprint(exit.ExitCode())
		}
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, not %s\n%s%s", got, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// waitFor waits until a file exists.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	for range 500 {
		if _, err := os.Stat(args[0]); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("there is no %s", args[0])
}
