package service

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/platform"
)

// runHelper is set in a copy of this test that runs the program as the account nobody.
const runHelper = "KEYBROKER_TEST_RUN_PROGRAM"

func TestMain(m *testing.M) {
	program := os.Getenv(runHelper)
	if program == "" {
		os.Exit(m.Run())
	}
	terminal, _ := os.Readlink("/proc/self/fd/0")
	fmt.Fprintln(os.Stderr, "root's is", terminal)
	code, err := Account{Name: "nobody", Program: program}.Run([]string{"status"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// looksAround says what of a terminal a program has.
const looksAround = `#!/bin/sh
for fd in 0 1 2; do echo "fd $fd: $(readlink /proc/$$/fd/$fd)"; done >&2
if (: </dev/tty) 2>/dev/null; then echo "dev/tty: there"; else echo "dev/tty: none"; fi >&2
id -un >&2
echo "arguments: $*"
exit 7
`

// A program of the account has no descriptor of root's terminal and cannot open it: it would
// read what root types, and type for root (TIOCSTI).
func TestAccountsDoNotGetRootsTerminal(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to run a program as another account")
	}
	dir := t.TempDir()
	for _, path := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte(looksAround), 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		more   string
		wanted []string
	}{
		"a terminal of its own": {"", []string{"dev/tty: there", "fd 0: /dev/pts/"}},
		"its output in a file":  {" >" + filepath.Join(dir, "out"), []string{"dev/tty: none", "fd 0: /dev/null", "fd 2: pipe:"}},
	} {
		line := platform.ShellWord(self) + test.more + "; echo code $?"
		cmd := exec.Command("script", "-qec", line, "/dev/null")
		cmd.Env = append(os.Environ(), runHelper+"="+program, "SHELL=/bin/sh")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		text := strings.ReplaceAll(string(out), "\r", "")
		_, roots, _ := strings.Cut(text, "root's is ")
		roots, rest, _ := strings.Cut(roots, "\n")
		if !strings.HasPrefix(roots, "/dev/pts/") || strings.Contains(rest, roots+"\n") {
			t.Errorf("%s: root's terminal %q is the program's: %s", name, roots, text)
		}
		for _, part := range append(test.wanted, "nobody", "code 7") {
			if !strings.Contains(rest, part) {
				t.Errorf("%s: without %q: %s", name, part, text)
			}
		}
	}
	if out, err := os.ReadFile(filepath.Join(dir, "out")); err != nil || string(out) != "arguments: --config /etc/keybroker/nobody.toml status\n" {
		t.Errorf("the file has %q, %v", out, err)
	}
}
