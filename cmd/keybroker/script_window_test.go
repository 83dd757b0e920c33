//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/keybroker/keybroker/desktop/desktoptest"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// cmdX11 is "x11 start": a screen, and the program that draws on it in
// bin/ of the script's directory. "x11 end" ends it as a crash would.
func cmdX11(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] != "start" && args[0] != "end" {
		ts.Fatalf("usage: x11 start|end")
	}
	r := rigOf(ts)
	if args[0] == "end" {
		number := strings.TrimPrefix(ts.Getenv("DISPLAY"), ":")
		os.Remove("/tmp/.X" + number + "-lock") // what a killed server leaves; ours while it runs
		os.Remove("/tmp/.X11-unix/X" + number)
		r.screenServer.kill()
		return
	}
	server := desktoptest.Program(r.t, "Xvfb")
	buildWindow(ts)
	reader, writer, err := os.Pipe()
	ts.Check(err)
	defer reader.Close()
	cmd := exec.Command(server, "-displayfd", "3", "-screen", "0", "1000x700x24", "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{writer}
	r.screenServer, err = startProcess(cmd)
	writer.Close()
	ts.Check(err)
	r.onEnd(r.screenServer.stop)
	number, err := bufio.NewReader(reader).ReadString('\n')
	ts.Check(err)
	ts.Setenv("DISPLAY", ":"+strings.TrimSpace(number))
}

// buildWindow puts the program that draws into bin/ of the script's directory.
func buildWindow(ts *testscript.TestScript) {
	build := exec.Command("go", "build", "-o", filepath.Join(rigOf(ts).work, "bin", "keybroker-desktop"), module+"cmd/keybroker-desktop")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		ts.Fatalf("%v\n%s", err, out)
	}
}

// unconfined is the program "unconfined PROGRAM …": it becomes that program, and the kernel refuses to
// put Landlock in force for it and its children, as a container's filter could (seccomp(2)).
func unconfined() {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_LANDLOCK_RESTRICT_SELF, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	runtime.LockOSThread() // the thread that becomes the program
	path, err := exec.LookPath(os.Args[1])
	if err == nil {
		err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	if err == nil {
		err = unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})), 0, 0)
	}
	if err == nil {
		err = unix.Exec(path, os.Args[1:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// cmdHands is "hands KEY …": from now on these keys are pressed in each window
// that is shown. "hands pause" clicks on "Deny for 10 minutes" instead, "hands
// code" types $CODE in the place of what is there, "hands away" does nothing any more.
func cmdHands(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: hands KEY …|pause|away")
	}
	r := rigOf(ts)
	if r.personLeaves != nil {
		r.personLeaves()
		r.personLeaves = nil
	}
	switch args[0] {
	case "away":
		return
	case "code":
		args = slices.Repeat([]string{"BackSpace"}, 8) // Enter wakes late
		args = append(append(args, strings.Split(ts.Getenv("CODE"), "")...), "Return")
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	act := func() { sitOnWayland(r, args) }
	if display := ts.Getenv("DISPLAY"); r.sway == nil {
		act = func() { sit(display, args) }
	}
	done.Go(func() {
		for ctx.Err() == nil {
			act()
			time.Sleep(50 * time.Millisecond)
		}
	})
	r.personLeaves = sync.OnceFunc(func() { cancel(); done.Wait() })
	r.onEnd(r.personLeaves)
}

// sit acts on the window that is shown now, if there is one.
func sit(display string, keys []string) {
	id := firstLine(xdotool(display, "search", "--onlyvisible", "--name", "^keybroker$"))
	switch {
	case id == "":
	case keys[0] == "pause":
		height := 0
		for line := range strings.Lines(xdotool(display, "getwindowgeometry", "--shell", id)) {
			fmt.Sscanf(line, "HEIGHT=%d", &height)
		}
		xdotool(display, "mousemove", "--window", id, "190", fmt.Sprint(height-30), "click", "1")
	default:
		xdotool(display, append([]string{"windowfocus", id, "key"}, keys...)...)
	}
}

func xdotool(display string, args ...string) string {
	cmd := exec.Command("xdotool", args...)
	cmd.Env = []string{"DISPLAY=" + display}
	out, _ := cmd.Output() // the window may go at any moment
	return strings.TrimSpace(string(out))
}

func firstLine(s string) string { line, _, _ := strings.Cut(s, "\n"); return line }

// cmdFollower is "follower start|stop": something that would tell the person of what is
// held. It writes each list to the file tray.
func cmdFollower(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] != "start" && args[0] != "stop" {
		ts.Fatalf("usage: follower start|stop")
	}
	r := rigOf(ts)
	if args[0] == "stop" {
		r.trayEnds()
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	path, broker := filepath.Join(r.work, "tray"), client(ts)
	first := make(chan struct{})
	done.Go(func() {
		seen := sync.OnceFunc(func() { close(first) })
		for event := range broker.Events(ctx) {
			_ = os.WriteFile(path, fmt.Appendf(nil, "%+v\n", event.Waiting), 0o600)
			seen()
		}
	})
	<-first
	r.trayEnds = sync.OnceFunc(func() { cancel(); done.Wait() })
	r.onEnd(r.trayEnds)
}
