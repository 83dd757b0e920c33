package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hardenReport is what hardenChild found out about itself.
type hardenReport struct {
	Hardening
	Dumpable int
	Core     uint64
	Status   string // /proc/self/status
}

// hardenChild hardens itself when told to, reports, waits for its input to end
// and then aborts.
func hardenChild(args []string) error {
	var report hardenReport
	if args[0] == "yes" {
		var err error
		if report.Hardening, err = Harden(); err != nil {
			return err
		}
	}
	// After the change of user the kernel leaves a process not dumpable by
	// itself; exec gives the flag back, so what is seen here is Harden's doing.
	report.Dumpable, _ = unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	var core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil {
		return err
	}
	report.Core = core.Max
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	report.Status = string(status)
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		return err
	}
	io.Copy(io.Discard, os.Stdin)
	if err := unix.Kill(os.Getpid(), unix.SIGABRT); err != nil {
		return err
	}
	time.Sleep(time.Minute) // the signal comes at once, but on another thread
	return errors.New("the abort did not come")
}

// startHarden runs hardenChild as prepare leaves it, and returns its report.
func startHarden(t *testing.T, arg string, prepare func(*exec.Cmd)) (*exec.Cmd, io.Closer, hardenReport) {
	t.Helper()
	cmd := self(t, "harden", arg)
	prepare(cmd)
	cmd.Stderr = nil // a goroutine dump
	cmd.Env = append(cmd.Env, "GOTRACEBACK=crash")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); cmd.Wait() })
	var report hardenReport
	if err := json.NewDecoder(stdout).Decode(&report); err != nil {
		t.Fatal(err)
	}
	return cmd, stdin, report
}

// withLimits runs the command under a shell's ulimits.
func withLimits(cmd *exec.Cmd, ulimits string) {
	cmd.Args = append([]string{"sh", "-c", ulimits + `; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
}

func TestHardenLeavesNoCore(t *testing.T) {
	crash := func(arg string) (hardenReport, bool) {
		cmd, stdin, report := startHarden(t, arg, func(cmd *exec.Cmd) {
			cmd.Dir = t.TempDir()
			withLimits(cmd, "ulimit -c 100") // enough to show that there is one
		})
		stdin.Close()
		cmd.Wait()
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if status.Signal() != syscall.SIGABRT {
			t.Errorf("ended by %v; want an abort", cmd.ProcessState)
		}
		return report, status.CoreDump()
	}
	report, core := crash("no")
	if report.Dumpable != 1 || report.Core == 0 || !core {
		t.Skipf("this system leaves no core anyway (dumpable %d, limit %d, core %v)", report.Dumpable, report.Core, core)
	}
	report, core = crash("yes")
	if !report.NoDump || report.Dumpable != 0 {
		t.Errorf("NoDump %v, dumpable %d", report.NoDump, report.Dumpable)
	}
	if !report.NoCore || report.Core != 0 {
		t.Errorf("NoCore %v, limit %d", report.NoCore, report.Core)
	}
	if core {
		t.Error("the crash left a core")
	}
}

// Another process of the same user, which without hardening can read it all.
func TestHardenHidesFromSameUser(t *testing.T) {
	for arg, open := range map[string]bool{"no": true, "yes": false} {
		cmd, _, report := startHarden(t, arg, func(cmd *exec.Cmd) { asNobody(t, cmd) })
		if report.NoDump == open {
			t.Errorf("hardened %s: NoDump %v", arg, report.NoDump)
		}
		for _, name := range []string{"environ", "mem", "maps"} {
			reader := exec.Command("/usr/bin/head", "-c", "0", fmt.Sprintf("/proc/%d/%s", cmd.Process.Pid, name))
			reader.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			out, err := reader.CombinedOutput()
			if (err == nil) != open {
				t.Errorf("hardened %s: %s: %v %s", arg, name, err, out)
			}
			if !open && !bytes.Contains(out, []byte("Permission denied")) {
				t.Errorf("%s was refused for another reason: %s", name, out)
			}
		}
	}
}

// A tracer that was there before: on the main thread, and on any other one.
func TestHardenRefusesATracer(t *testing.T) {
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	for _, which := range []string{"first", "last"} {
		cmd := self(t, "traced")
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var said, wrong bytes.Buffer
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = &wrong
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(&said, stdout, int64(len("ready\n"))); err != nil {
			t.Fatal(err)
		}
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", cmd.Process.Pid))
		if err != nil || len(threads) < 2 {
			t.Fatalf("threads %q, %v", threads, err)
		}
		tid := cmd.Process.Pid
		if which == "last" {
			tid, _ = strconv.Atoi(filepath.Base(threads[len(threads)-1]))
		}
		if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(tid), 0, 0, 0, 0); errno != 0 {
			t.Fatal(errno)
		}
		stdin.Close()
		follow(t, tid)
		_ = cmd.Wait() // the tracer of the main thread has had its status
		if want := fmt.Sprintf("another program traces this one and can read its memory: process %d, ", os.Getpid()); !strings.Contains(wrong.String(), want) {
			t.Errorf("%s thread: %s", which, wrong.String())
		}
	}
}

// follow lets a thread that this one traces run to its end.
func follow(t *testing.T, tid int) {
	t.Helper()
	for {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(tid, &status, syscall.WALL, nil); err != nil {
			t.Fatal(err)
		}
		if !status.Stopped() {
			return
		}
		if err := syscall.PtraceCont(tid, int(status.StopSignal())); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
}

// tracedChild hardens itself when its input ends.
func tracedChild([]string) error {
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	_, err := Harden()
	return err
}

func TestHardenLocks(t *testing.T) {
	_, _, report := startHarden(t, "yes", func(cmd *exec.Cmd) { withLimits(cmd, "ulimit -l 1024") })
	if report.Locked || !strings.Contains(strings.Join(report.Notes, "\n"), "memory may be written to swap") ||
		!strings.Contains(report.Status, "VmLck:\t       0 kB") {
		t.Errorf("1 MiB: locked %v, notes %q", report.Locked, report.Notes)
	}
	if exec.Command("/bin/sh", "-c", "ulimit -l unlimited").Run() != nil {
		t.Skip("the other half needs root (CAP_SYS_RESOURCE): lifts RLIMIT_MEMLOCK")
	}
	_, _, report = startHarden(t, "yes", func(cmd *exec.Cmd) { withLimits(cmd, "ulimit -l unlimited") })
	if !report.Locked || len(report.Notes) > 0 || strings.Contains(report.Status, "VmLck:\t       0 kB") {
		t.Errorf("unlimited: locked %v, notes %q", report.Locked, report.Notes)
	}
}

func TestLockedAlloc(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 32, os.Getpagesize(), 3*os.Getpagesize() + 1} {
		buf, free := LockedAlloc(n)
		if len(buf) != max(n, 0) || cap(buf) != len(buf) {
			t.Errorf("%d bytes: length %d, capacity %d", n, len(buf), cap(buf))
		}
		if strings.Trim(string(buf), "\x00") != "" {
			t.Errorf("%d bytes: not zero", n)
		}
		for i := range buf {
			buf[i] = 1
		}
		free()
		free()
	}
}

func TestLockedAllocPages(t *testing.T) {
	buf, free := LockedAlloc(100)
	address := uintptr(unsafe.Pointer(&buf[0]))
	flags := vmFlags(t, address)
	for _, flag := range []string{" lo ", " dd "} { // locked, not in dumps
		if !strings.Contains(flags, flag) {
			t.Errorf("the page's flags %q lack %q", flags, flag)
		}
	}
	runtime.GC()
	free()
	if flags := vmFlags(t, address); strings.Contains(flags, " dd ") {
		t.Errorf("the page is still there: %q", flags)
	}
}

// vmFlags are those of the mapping around address (proc_pid_smaps(5)), "" without one.
func vmFlags(t *testing.T, address uintptr) string {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(smaps)) {
		var from, to uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			inside = from <= address && address < to
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
			return strings.ReplaceAll(flags, "\n", " ")
		}
	}
	return ""
}
