//go:build linux

package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
