package confine

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain is the test, or with a variable the process that is confined: that cannot be undone.
func TestMain(m *testing.M) {
	if dir := os.Getenv("CONFINED_DIR"); dir != "" {
		if err := confined(dir, os.Getenv("CONFINED_BY")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// report is what the confined process could do: the name of an error, or "" for done.
type report struct {
	Status
	Did map[string]string
}

// confined confines itself and tries things, on a thread that was there before.
func confined(dir, by string) error {
	begin, tried := make(chan struct{}), make(chan map[string]string)
	var ready sync.WaitGroup
	ready.Add(1)
	go func() {
		runtime.LockOSThread() // a thread of its own, older than the confinement
		ready.Done()
		<-begin
		tried <- try(dir)
	}()
	ready.Wait()
	var err error
	switch by {
	case "prompt":
		err = Prompt(filepath.Join(dir, "fonts"))
	case "program":
		err = Program()
	}
	if err != nil {
		return err
	}
	close(begin)
	return json.NewEncoder(os.Stdout).Encode(report{Now(), <-tried})
}

// try does what a program that was taken over would.
func try(dir string) map[string]string {
	did := map[string]string{}
	note := func(what string, err error) {
		var errno syscall.Errno
		if errors.As(err, &errno) {
			did[what] = unix.ErrnoName(errno)
		} else if did[what] = ""; err != nil {
			did[what] = err.Error()
		}
	}
	_, err := os.ReadFile(filepath.Join(dir, "key"))
	note("read a key", err)
	_, err = os.ReadFile(filepath.Join(dir, "fonts", "font"))
	note("read a font", err)
	note("write a file", os.WriteFile(filepath.Join(dir, "fonts", "new"), nil, 0o600))
	note("remove a file", os.Remove(filepath.Join(dir, "fonts", "font")))
	conn, err := net.Dial("unix", filepath.Join(dir, "agent.sock"))
	note("connect to an agent", err)
	if err == nil {
		conn.Close()
	}
	_, err = syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{})
	note("start a program", err)
	_, _, errno := unix.Syscall6(unix.SYS_PROCESS_VM_READV, uintptr(os.Getpid()), 0, 0, 0, 0, 0)
	note("read another process", orNil(errno))
	return did
}

func orNil(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

// runConfined starts this test as the process that is confined.
func runConfined(t *testing.T, by string) report {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "fonts"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"key", "fonts/font"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	agent, err := net.Listen("unix", filepath.Join(dir, "agent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CONFINED_DIR="+dir, "CONFINED_BY="+by)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", by, err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return r
}

// What is forbidden fails, on every thread, and by the rule that forbids it: without it all is done.
func TestWhatIsForbiddenFails(t *testing.T) {
	if Now().Landlock == 0 {
		t.Skip("this kernel has no Landlock")
	}
	const landlocked, filtered, done = "EACCES", "EPERM", ""
	for by, want := range map[string]map[string]string{
		"nothing": {"read a key": done, "read a font": done, "write a file": done, "remove a file": done, "connect to an agent": done, "start a program": done, "read another process": done},
		"program": {"read a key": done, "read a font": done, "write a file": done, "remove a file": done, "connect to an agent": done, "start a program": done, "read another process": filtered},
		"prompt": {"read a key": landlocked, "read a font": done, "write a file": landlocked, "remove a file": landlocked, "connect to an agent": filtered, "start a program": filtered,
			"read another process": filtered},
	} {
		got := runConfined(t, by)
		for what, result := range want {
			if got.Did[what] != result {
				t.Errorf("confined by %s: %s: %q, want %q", by, what, got.Did[what], result)
			}
		}
		if confined := by != "nothing"; got.NoNewPrivileges != confined || got.Seccomp != confined {
			t.Errorf("confined by %s: the status is %+v", by, got.Status)
		}
	}
}
