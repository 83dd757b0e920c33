package platform

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/keybroker/keybroker/platform/platformtest"
)

// starterChild starts cat, which never closes itself, as a Program or as it is,
// says which process that is, and holds it until its own input ends.
func starterChild(args []string) error {
	cmd := exec.Command("/bin/cat")
	if args[0] == "plain" {
		in, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		defer in.Close()
		if _, err := cmd.StdoutPipe(); err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
	} else {
		if _, err := Harden(); err != nil { // as every starter does: its copy of the program is in its descriptors
			return err
		}
		conn, err := StartChild(cmd)
		if err != nil {
			return err
		}
		defer conn.Close()
	}
	fmt.Println(cmd.Process.Pid)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// reachChild says what it can do to a process, as JSON.
func reachChild(args []string) error {
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	said := make(map[string]string)
	for name, err := range platformtest.Reach(pid) {
		if said[name] = "done"; err != nil {
			said[name] = err.Error()
		}
	}
	return json.NewEncoder(os.Stdout).Encode(said)
}

// Nothing of the same user reaches a Program, whatever the program does itself.
func TestProgramIsClosed(t *testing.T) {
	for _, kind := range []string{"plain", "closed"} {
		starter := asNobody(t, self(t, "starter", kind))
		stdin, err := starter.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := starter.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := starter.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stdin.Close(); starter.Wait() })
		pid, err := bufio.NewReader(stdout).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		reach := asNobody(t, self(t, "reach", strings.TrimSpace(pid)))
		out, err := reach.Output()
		if err != nil {
			t.Fatal(err)
		}
		var said map[string]string
		if err := json.Unmarshal(out, &said); err != nil {
			t.Fatal(err)
		}
		for name, came := range said {
			switch closed := strings.Contains(came, "permission denied") || strings.Contains(came, "operation not permitted"); {
			case kind == "closed" && !closed:
				t.Errorf("%s of a closed program: %s", name, came)
			case kind == "plain" && came != "done" && !restrictsPtrace():
				t.Errorf("%s of a plain program, which shows that the other one means something: %s", name, came)
			}
		}
		if len(said) != 5 {
			t.Errorf("tried %v", said)
		}
	}
}

// restrictsPtrace says that the system keeps programs of one user apart by itself.
func restrictsPtrace() bool {
	scope, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	return err == nil && string(scope) != "0\n"
}

// A socket cannot be opened in /proc, by root neither; a pipe can.
func TestChildHasSockets(t *testing.T) {
	cmd := exec.Command("/bin/cat")
	conn, err := StartChild(cmd)
	if err != nil {
		t.Fatal(err)
	}
	reach := platformtest.Reach(cmd.Process.Pid)
	for _, name := range []string{"input", "output"} {
		if !errors.Is(reach[name], syscall.ENXIO) && !errors.Is(reach[name], syscall.EACCES) {
			t.Errorf("%s: %v", name, reach[name])
		}
	}
	if cmd.Path != "/bin/cat" {
		t.Errorf("path %s", cmd.Path)
	}
	if _, err := io.WriteString(conn, "there and back"); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	back, err := io.ReadAll(conn)
	if string(back) != "there and back" || err != nil {
		t.Errorf("%q, %v", back, err)
	}
	if err := errors.Join(cmd.Wait(), conn.Close()); err != nil {
		t.Error(err)
	}
}

// The copy is what the file was, and nobody can change it.
func TestProgramStaysWhatItWas(t *testing.T) {
	cat, err := os.ReadFile("/bin/cat")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, cat, 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := LoadProgram(path)
	if err != nil || p.Gap() != nil {
		t.Fatal(err, p.Gap())
	}
	defer p.Close()
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho another one\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		conn, err := p.Start(exec.Command(path, "/proc/self/comm", "/proc/self/cmdline"))
		if err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(conn)
		if want := path + "\x00/proc/self/comm\x00/proc/self/cmdline\x00"; err != nil || !strings.HasSuffix(string(out), want) {
			t.Errorf("%q, %v", out, err)
		}
		conn.Close()
	}
	if _, err := p.image.WriteAt([]byte("x"), 0); !errors.Is(err, syscall.EPERM) {
		t.Errorf("the copy was written: %v", err)
	}
}

func TestProgramsThatAreNotCopied(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho run\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := LoadProgram(script)
	if err != nil || !errors.Is(p.Gap(), errScript) {
		t.Fatalf("script: %v, gap %v", err, p.Gap())
	}
	conn, err := p.Start(exec.Command(script))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := io.ReadAll(conn); string(out) != "run\n" || err != nil {
		t.Errorf("script: %q, %v", out, err)
	}
	conn.Close()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{fifo: "is no program", dir: "is no program", filepath.Join(dir, "none"): "no such file"} {
		if _, err := LoadProgram(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := StartChild(exec.Command(path)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: started: %v", path, err)
		}
	}
}

// unreadableChild loads a program that it may not read.
func unreadableChild(args []string) error {
	p, err := LoadProgram(args[0])
	switch {
	case err != nil:
		fmt.Println(Text(err))
	case p.image != nil || p.Gap() != nil:
		fmt.Println("copied, or open: ", p.Gap())
	default:
		fmt.Println("run as it is")
	}
	return nil
}

// What root installed with mode 0711 is run as it is. One's own file of that kind
// can be opened up by every program of the user.
func TestUnreadableProgram(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "program")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "program")
	if err := os.WriteFile(path, []byte("\x7fELF"), 0o711); err != nil {
		t.Fatal(err)
	}
	load := func() string {
		out, err := asNobody(t, self(t, "unreadable", path)).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if got := load(); got != "run as it is\n" {
		t.Errorf("root's: %s", got)
	}
	if err := errors.Join(os.Chown(path, 65534, 65534), os.Chmod(path, 0o111)); err != nil {
		t.Fatal(err)
	}
	if got := load(); !strings.Contains(got, "cannot be read, though it is yours\nmake it readable: chmod u+r "+path) {
		t.Errorf("one's own: %s", got)
	}
}

// A process that a child leaves behind with its standard error does not keep
// whoever waits for the child.
func TestWaitEndsWithTheChild(t *testing.T) {
	var complaint strings.Builder
	cmd := exec.Command("/bin/sh", "-c", "sleep 1000 </dev/null >/dev/null & echo $!; echo complaint >&2")
	cmd.Stderr = &complaint
	conn, err := StartChild(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	left, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(left, syscall.SIGKILL)
	if err := cmd.Wait(); !errors.Is(err, exec.ErrWaitDelay) || complaint.String() != "complaint\n" {
		t.Errorf("%v, %q", err, &complaint)
	}
}
