//go:build linux

package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/service"
)

// builtTree is a directory in which packaging/install finds built programs.
func builtTree(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	packaging, err := filepath.Abs("../../packaging")
	if err != nil {
		t.Fatal(err)
	}
	program := "#!/bin/sh\ncase $1 in man) touch \"$2/keybroker.1\" \"$2/keybroker-status.1\" \"$2/keybroker-config.5\" ;; completion) echo \"$2\" ;; esac\n"
	for _, err := range []error{
		os.Symlink(packaging, filepath.Join(dir, "packaging")),
		os.Mkdir(filepath.Join(dir, "bin"), 0o755),
		os.WriteFile(filepath.Join(dir, "bin/keybroker"), []byte(program), 0o755),
		os.WriteFile(filepath.Join(dir, "bin/keybroker-desktop"), nil, 0o755),
		os.WriteFile(filepath.Join(dir, "bin/keybroker-lifecycle"), []byte("#!/bin/sh\n"), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What "make install" puts somewhere, "make uninstall" takes away.
func TestInstall(t *testing.T) {
	dir, prefix := builtTree(t), t.TempDir()
	install := func(args ...string) string {
		cmd := exec.Command("packaging/install", append([]string{prefix}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	const old = "still the old one"
	if out := install(); strings.Contains(out, old) {
		t.Errorf("there was none before:\n%s", out)
	}
	if out := install(); !strings.Contains(out, old) {
		t.Errorf("there was one before:\n%s", out)
	}
	for _, name := range []string{"bin/keybroker", "bin/keybroker-desktop", "bin/keybroker-lifecycle", "share/man/man1/keybroker-status.1", "share/man/man5/keybroker-config.5", "share/systemd/user/keybroker.socket"} {
		if _, err := os.Stat(filepath.Join(prefix, name)); err != nil {
			t.Error(err)
		}
	}
	unit, _ := os.ReadFile(filepath.Join(prefix, "share/systemd/user/keybroker.service"))
	if !strings.Contains(string(unit), "ExecStart="+prefix+"/bin/keybroker daemon\n") {
		t.Errorf("the unit starts another program:\n%s", unit)
	}
	install("uninstall")
	_ = filepath.WalkDir(prefix, func(path string, entry fs.DirEntry, _ error) error {
		if !entry.IsDir() {
			t.Error("left behind:", path)
		}
		return nil
	})
}

// A program that logins start is needed to take that back, so it stays.
func TestUninstallAfterTheService(t *testing.T) {
	dir, prefix, state := builtTree(t), t.TempDir(), t.TempDir()
	run := func(args ...string) (string, error) {
		cmd := exec.Command("packaging/install", append([]string{prefix}, args...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "XDG_STATE_HOME="+state)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	manifest := filepath.Join(state, "keybroker/service.json")
	write := func(program string) {
		text, err := json.MarshalIndent(service.Manifest{Program: program}, "", "  ") // as the program writes it
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(manifest), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(manifest, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(prefix, "bin/keybroker")
	write(program)
	if out, err := run("uninstall"); err == nil || !strings.Contains(out, program+" service uninstall") {
		t.Errorf("while logins start it: %v\n%s", err, out)
	}
	if _, err := os.Stat(program); err != nil {
		t.Error(err)
	}
	write("/usr/bin/keybroker")
	if out, err := run("uninstall"); err != nil {
		t.Errorf("logins start another one: %v\n%s", err, out)
	}
}
