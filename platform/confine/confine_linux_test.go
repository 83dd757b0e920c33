package confine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

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
	case "tray":
		err = Tray(Files{Dirs: []string{"/usr", "/bin", "/lib", "/lib64", filepath.Join(dir, "fonts")}, Files: []string{filepath.Join(dir, "cookie")}}, 0)
	case "prompt without restrict_self", "prompt without a ruleset", "prompt without seccomp":
		call := map[string]uint32{"prompt without restrict_self": unix.SYS_LANDLOCK_RESTRICT_SELF, "prompt without a ruleset": unix.SYS_LANDLOCK_ADD_RULE, "prompt without seccomp": unix.SYS_SECCOMP}[by]
		if err = deny([]uint32{call}); err == nil {
			err = Prompt(filepath.Join(dir, "fonts"))
		}
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
	key := filepath.Join(dir, "key")
	note("give a key to others", os.Chmod(key, 0o644))
	note("give a key away", os.Lchown(key, os.Getuid(), os.Getgid()))
	note("change a key's time", os.Chtimes(key, time.Time{}, time.Now()))
	note("mark a key", unix.Setxattr(key, "user.mark", []byte("x"), 0))
	note("send to a socket", sendTo(filepath.Join(dir, "log.sock")))
	note("signal another process", unix.Kill(os.Getppid(), 0))
	note("signal a thread of another", unix.Tgkill(os.Getppid(), os.Getppid(), 0))
	note("signal itself", unix.Tgkill(os.Getpid(), unix.Gettid(), 0))
	note("limit another process", unix.Prlimit(os.Getppid(), unix.RLIMIT_NOFILE, nil, new(unix.Rlimit)))
	conn, err := net.Dial("unix", filepath.Join(dir, "agent.sock"))
	note("connect to an agent", err)
	if err == nil {
		conn.Close()
	}
	note("start a program", run("/bin/true"))
	note("start another program", run(filepath.Join(dir, "other")))
	_, err = os.ReadFile(filepath.Join(dir, "cookie"))
	note("read a file", err)
	_, err = os.ReadFile(fmt.Sprintf("/proc/%d/environ", os.Getppid()))
	note("read another's environment", err)
	note("write a file as a program", run("/bin/sh", "-c", ": > "+filepath.Join(dir, "fonts", "new")))
	note("read a key as a program", run("/bin/sh", "-c", ": < "+key))
	_, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	note("open a socket of the network", err)
	_, err = net.Listen("unix", filepath.Join(dir, "fonts", "own.sock"))
	note("serve a socket", err)
	_, _, errno := unix.Syscall6(unix.SYS_PROCESS_VM_READV, uintptr(os.Getpid()), 0, 0, 0, 0, 0)
	note("read another process", orNil(errno))
	for what, request := range map[string]uintptr{"ask a terminal": unix.TIOCGWINSZ, "type into a terminal": unix.TIOCSTI} {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, os.Stdout.Fd(), request, 0) // a pipe, which has an errno of its own
		note(what, orNil(errno))
	}
	note("limit itself", unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, new(unix.Rlimit)))
	return did
}

// run is EACCES as well where the program failed by itself.
func run(name string, args ...string) error {
	pid, err := syscall.ForkExec(name, append([]string{name}, args...), &syscall.ProcAttr{})
	if err != nil {
		return err
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || status.ExitStatus() != 0 {
		return unix.EACCES
	}
	return nil
}

// sendTo needs no socket(2) and no connect(2).
func sendTo(path string) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	return unix.Sendto(pair[0], []byte("forged"), 0, &unix.SockaddrUnix{Name: path})
}

func orNil(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

// A window that does not get what the system has says so, and shows nothing.
func TestAPromptThatCannotBeConfinedFails(t *testing.T) {
	if Now().Landlock == 0 {
		t.Skip("this kernel has no Landlock")
	}
	for _, by := range []string{"prompt without restrict_self", "prompt without a ruleset", "prompt without seccomp"} {
		if out, err := confinedProcess(t, by).CombinedOutput(); err == nil || !strings.Contains(string(out), "operation not permitted") {
			t.Errorf("%s: %v: %s", by, err, out)
		}
	}
}

// runConfined returns what the process that is confined could do.
func runConfined(t *testing.T, by string) report {
	t.Helper()
	cmd := confinedProcess(t, by)
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

// confinedProcess is this test as the process that is confined, with what it tries.
func confinedProcess(t *testing.T, by string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "fonts"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"key", "cookie", "fonts/font"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "other"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	agent, err := net.Listen("unix", filepath.Join(dir, "agent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { agent.Close() })
	datagrams, err := net.ListenPacket("unixgram", filepath.Join(dir, "log.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { datagrams.Close() })
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CONFINED_DIR="+dir, "CONFINED_BY="+by)
	return cmd
}

// What is forbidden fails, on every thread, and by the rule that forbids it: without it all is done.
func TestWhatIsForbiddenFails(t *testing.T) {
	if Now().Landlock == 0 {
		t.Skip("this kernel has no Landlock")
	}
	const landlocked, filtered = "EACCES", "EPERM"
	scoped := "" // signals stay in the process and its children from version 6 on
	if Now().Landlock >= 6 {
		scoped = "EPERM"
	}
	done := map[string]string{"read a key": "", "read a font": "", "write a file": "", "remove a file": "", "connect to an agent": "", "send to a socket": "", "start a program": "",
		"start another program": "", "read a file": "", "read another's environment": "", "write a file as a program": "", "read a key as a program": "",
		"open a socket of the network": "", "serve a socket": "",
		"give a key to others": "", "give a key away": "", "change a key's time": "", "mark a key": "",
		"signal another process": "", "signal a thread of another": "", "signal itself": "", "limit another process": "", "limit itself": "", "read another process": "", "ask a terminal": "ENOTTY", "type into a terminal": "ENOTTY"}
	for by, forbidden := range map[string]map[string]string{
		"nothing": {},
		"program": {"read another process": filtered, "limit another process": filtered, "type into a terminal": filtered},
		"prompt": {"read a key": landlocked, "write a file": landlocked, "remove a file": landlocked, "connect to an agent": filtered, "send to a socket": filtered, "start a program": filtered,
			"give a key to others": filtered, "give a key away": filtered, "change a key's time": filtered, "mark a key": filtered,
			"signal another process": filtered, "signal a thread of another": filtered, "limit another process": filtered, "limit itself": filtered, "read another process": filtered, "type into a terminal": filtered,
			"start another program": filtered, "read a file": landlocked, "read another's environment": landlocked, "write a file as a program": filtered, "read a key as a program": filtered,
			"open a socket of the network": filtered, "serve a socket": filtered},
		"tray": {"read a key": landlocked, "write a file": landlocked, "remove a file": landlocked, "start another program": landlocked,
			"give a key to others": filtered, "give a key away": filtered, "change a key's time": filtered, "mark a key": filtered,
			"limit another process": filtered, "read another process": filtered, "type into a terminal": filtered,
			"read another's environment": landlocked, "write a file as a program": landlocked, "read a key as a program": landlocked,
			"open a socket of the network": filtered, "serve a socket": filtered, "signal another process": scoped, "signal a thread of another": scoped},
	} {
		want := maps.Clone(done)
		maps.Copy(want, forbidden)
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
