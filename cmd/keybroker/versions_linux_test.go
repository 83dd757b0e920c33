package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A second daemon, and a list of keys, name the broker's version if it is another.
func TestSecondDaemonNamesTheOtherVersion(t *testing.T) {
	dir, err := os.MkdirTemp("", "kb") // short, for the socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	run := func(version string, args ...string) *exec.Cmd {
		program := filepath.Join(dir, "keybroker-"+version)
		if _, err := os.Stat(program); err != nil {
			if out, err := exec.Command("go", "build", "-ldflags", "-X github.com/keybroker/keybroker/cli/version.linked="+version, "-o", program, ".").CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
		}
		cmd := exec.Command(program, args...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir}
		return cmd
	}
	startBroker(t, run("1.0", "daemon"), dir)
	for version, named := range map[string]bool{"1.0": false, "1.1": true} {
		out, err := run(version, "daemon").CombinedOutput()
		said := strings.Contains(string(out), "the broker is version 1.0, this command 1.1; restart it after an upgrade")
		if err == nil || !strings.Contains(string(out), "the broker runs already, as process") || said != named {
			t.Errorf("version %s: %v %s", version, err, out)
		}
		out, err = run(version, "keys", "list").CombinedOutput()
		said = strings.Contains(string(out), "keybroker: the broker is version 1.0, this command 1.1; restart it after an upgrade: ")
		if err != nil || said != named {
			t.Errorf("version %s: keys list: %v %s", version, err, out)
		}
	}
}
