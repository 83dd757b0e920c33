package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/keybroker/keybroker/piv/pivtest"
)

// TestPivcard starts the command as a script does, uses it by its sockets, and
// ends it: nothing is left, and the cards are kept.
func TestPivcard(t *testing.T) {
	pivtest.NeedStack(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "pivcard")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	kept := filepath.Join(dir, "cards")
	if guid := once(t, program, kept); guid != once(t, program, kept) {
		t.Error("the second run has another card")
	}
}

// once runs the program and returns the status line's GUID of the first card.
func once(t *testing.T, program, kept string) string {
	t.Helper()
	control := filepath.Join(t.TempDir(), "control")
	cmd := exec.Command(program, "-dir", kept, "-control", control)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	socket := variable(t, out)
	list := exec.Command("opensc-tool", "-l")
	list.Env = append(os.Environ(), "PCSCLITE_CSOCK_NAME="+socket)
	if b, err := list.CombinedOutput(); err != nil || strings.Count(string(b), "Yes") != 2 {
		t.Errorf("%v\n%s\nwithout opensc-tool, run `make deps`", err, b)
	}
	answer := ask(t, control, "status")
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(socket)); !os.IsNotExist(err) {
		t.Errorf("files are left: %v", err)
	}
	_, guid, _ := strings.Cut(answer, `"guid":"`)
	return guid[:32]
}

func variable(t *testing.T, out io.Reader) string {
	t.Helper()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, value, ok := strings.Cut(lines.Text(), "PCSCLITE_CSOCK_NAME="); ok {
			return value
		}
	}
	t.Fatal("no variable printed")
	return ""
}

func ask(t *testing.T, control, line string) string {
	t.Helper()
	conn, err := net.Dial("unix", control)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
