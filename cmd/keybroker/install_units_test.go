//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// systemd takes the units as they are installed, and who enables the agent's socket
// alone gets the control socket with it.
func TestUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze (package systemd)")
	}
	root := t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = builtTree(t)
		cmd.Env = append(os.Environ(), "DESTDIR="+root, "XDG_RUNTIME_DIR="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s %v: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	run("packaging/install", "/usr/local")
	run("systemctl", "--global", "--root="+root, "enable", "keybroker.socket")
	for _, socket := range []string{"keybroker.socket", "keybroker-control.socket"} {
		if _, err := os.Lstat(filepath.Join(root, "etc/systemd/user/sockets.target.wants", socket)); err != nil {
			t.Errorf("it is not enabled: %v", err)
		}
	}

	prefix := t.TempDir() // verify looks for the program that a unit starts
	root = ""
	run("packaging/install", prefix)
	units, _ := filepath.Glob(filepath.Join(prefix, "share/systemd/user/*"))
	if len(units) != 3 {
		t.Errorf("units: %q", units)
	}
	if said := run("systemd-analyze", append([]string{"--user", "--man=no", "verify"}, units...)...); said != "" { // a setting that it does not know
		t.Error(said)
	}
}
