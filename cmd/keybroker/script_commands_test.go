//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

func after(d time.Duration) <-chan time.Time { return time.After(d) }

func pidOf(ts *testscript.TestScript) string {
	return strconv.Itoa(rigOf(ts).daemon.Process.Pid)
}

// cmdAnswer is "answer allow|deny|wait|later|crash": what the person does from now on
// when asked by askpass.
func cmdAnswer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: answer allow|deny|yes|no|wait|later|crash")
	}
	path := filepath.Join(ts.Getenv("WORK"), "answer")
	ts.Check(os.WriteFile(path+".new", []byte(args[0]+"\n"), 0o600))
	ts.Check(os.Rename(path+".new", path))
}

// cmdAwait is
//
//	await FILE PATTERN     until a file of that name (a glob) matches
//	await -gone FILE       until there is none
//	await -screen PATTERN  until the daemon's terminal shows it
//	await -pane=NAME PATTERN until that window of tmux shows it
//	await -clipboard PATTERN until the clipboard of the desktop holds it
//	await -ended tray      until the tray has ended, in order
//	await -window CLASS    until a window of that class is on the screen
//	await -menu PATTERN    until the tray's menu shows it
//	await -status PATTERN  until the daemon's status, as JSON, matches
//	await -keys PATTERN    until its list of keys, as JSON, matches
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE PATTERN | -gone FILE | -screen PATTERN | -status PATTERN")
	}
	if args[0] == "-gone" {
		if !await(func() bool { _, err := os.Lstat(ts.MkAbs(args[1])); return errors.Is(err, os.ErrNotExist) }) {
			ts.Fatalf("%s is still there", args[1])
		}
		return
	}
	switch args[0] {
	case "-ended":
		awaitTrayEnd(ts)
		return
	case "-window":
		if !await(func() bool { return hasWindow(ts, args[1]) }) {
			ts.Fatalf("no window of the class %s", args[1])
		}
		return
	}
	pattern, seen := regexp.MustCompile("(?m)"+args[1]), ""
	if !await(func() bool { seen = seenIn(ts, args[0]); return pattern.MatchString(seen) }) {
		ts.Fatalf("waited in vain for %s in:\n%s", pattern, seen)
	}
}

func seenIn(ts *testscript.TestScript, where string) string {
	if name, ok := strings.CutPrefix(where, "-pane="); ok {
		return rigOf(ts).pane(ts, name)
	}
	switch where {
	case "-clipboard":
		cmd := exec.Command("xclip", "-selection", "clipboard", "-o")
		cmd.Env = environ(ts)
		text, _ := cmd.Output()
		return string(text)
	case "-menu":
		return trayMenu(rigOf(ts))
	case "-screen":
		return rigOf(ts).daemon.screen.seen()
	case "-card":
		out, err := rigOf(ts).bench.Do([]string{"status"})
		ts.Check(err)
		return out
	case "-keys":
		return seenKeys(ts)
	case "-status":
		status, err := client(ts).Status(context.Background())
		ts.Check(err)
		text, err := json.Marshal(status)
		ts.Check(err)
		return string(text)
	}
	paths, err := filepath.Glob(ts.MkAbs(where))
	ts.Check(err)
	text := ""
	for _, path := range paths {
		text += readOr(path)
	}
	return text
}

// cmdType is "type TEXT": the person types it, and Enter, on the daemon's terminal.
func cmdType(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: type TEXT")
	}
	text, err := strconv.Unquote(`"` + args[0] + `"`)
	ts.Check(err)
	ts.Check(rigOf(ts).daemon.screen.typed(text))
}

// cmdCode is "code N PROGRAM [ARG …]": exec, and it must end with that exit code.
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM [ARG …]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, not %d", code, want)
	}
}

// cmdAs is "[!] as UID PROGRAM [ARG …]": exec as another user. Needs root.
func cmdAs(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: as UID PROGRAM [ARG …]")
	}
	uid, err := strconv.ParseUint(args[0], 10, 32)
	ts.Check(err)
	cmd := exec.Command(commandPath(ts, args[1]), args[2:]...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin", "SSH_AUTH_SOCK=" + ts.Getenv("SSH_AUTH_SOCK")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if (err != nil) != neg {
		ts.Fatalf("%v", cmd.ProcessState)
	}
}

// cmdControl is "control UID PATH": asks the control socket, as that user, and
// prints the answer. Needs root for another's.
func cmdControl(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: control UID PATH")
	}
	uid, err := strconv.Atoi(args[0])
	ts.Check(err)
	dial := func(context.Context, string, string) (net.Conn, error) {
		return dialAs(uid, filepath.Join(ts.Getenv("RUN"), "control.sock"))
	}
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	answer, err := client.Get("http://keybroker" + args[1])
	ts.Check(err)
	defer answer.Body.Close()
	fmt.Fprintln(ts.Stdout(), answer.Status)
	_, err = io.Copy(ts.Stdout(), answer.Body)
	ts.Check(err)
}

// plainClient is "plainclient METHOD PATH BODY": a program that sends one request to
// the control socket and prints the answer, as any program of the user can. With
// the method LATE it is a POST with BODY behind it, and the program stays.
func plainClient() {
	if os.Args[1] == "LATE" {
		lateClient(os.Args[2], os.Args[3])
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", filepath.Join(os.Getenv("RUN"), "control.sock"))
	}}}
	request, err := http.NewRequest(os.Args[1], "http://keybroker"+os.Args[2], strings.NewReader(os.Args[3]))
	if err == nil {
		var answer *http.Response
		if answer, err = client.Do(request); err == nil {
			fmt.Println(answer.Status)
			_, err = io.Copy(os.Stdout, answer.Body)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func lateClient(path, late string) {
	conn, err := net.Dial("unix", filepath.Join(os.Getenv("RUN"), "control.sock"))
	if err == nil {
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: keybroker\r\nContent-Length: 0\r\n\r\n", path)
	}
	if err == nil {
		_, err = conn.Write([]byte(late))
	}
	if err == nil {
		_, err = io.Copy(os.Stdout, conn)
	}
	fmt.Println("it ended:", err)
	os.Exit(0)
}

// dialAs connects as another user: a thread has its own credentials, and the
// kernel keeps those of the moment of connect(2). The thread takes its own back
// and lives on: it may be the one that started a daemon, which its end would kill.
func dialAs(uid int, path string) (net.Conn, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own := os.Geteuid()
	if err := becomeOnThread(uid); err != nil {
		return nil, err
	}
	conn, err := net.Dial("unix", path)
	if back := becomeOnThread(own); back != nil {
		panic(back) // no other test may run on this thread
	}
	return conn, err
}

// becomeOnThread sets the effective user of this thread alone; the saved one
// stays, and is the way back.
func becomeOnThread(uid int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
		return errno
	}
	return nil
}

// cmdVault is "vault": makes the vault that keys are sealed to, under
// $WORK/passphrase. The one that keybroker makes itself costs a guesser a
// second, and each script under the race detector twenty.
func cmdVault(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: vault")
	}
	vault := softkeys.NewVault(softkeys.Config{
		Dir:  filepath.Join(ts.Getenv("XDG_DATA_HOME"), "keybroker"),
		Seal: softkeys.SealPassphrase, PassphraseFile: filepath.Join(ts.Getenv("WORK"), "passphrase"), WorkFactor: 2,
	})
	_, err := vault.OpenOrCreate(context.Background())
	ts.Check(err)
}

// mayMount tries, because root in a container may not.
func mayMount() bool {
	if os.Geteuid() != 0 {
		return false
	}
	dir, err := os.MkdirTemp("", "mount")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4k") != nil {
		return false
	}
	return syscall.Unmount(dir, 0) == nil
}

// cmdTmpfs is "tmpfs SIZE DIR": a disk of that size at DIR. Needs [mount].
func cmdTmpfs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tmpfs SIZE DIR")
	}
	dir, r := ts.MkAbs(args[1]), rigOf(ts)
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size="+args[0]))
	r.onEnd(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			r.t.Error(err)
		}
	})
}

// cmdBus is "bus services|empty": a session bus of the script's own, which
// starts the system's services on demand or none.
func cmdBus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: bus services|empty")
	}
	r := rigOf(ts)
	r.bus = softkeystest.StartBus(r.t, args[0] == "services")
	ts.Setenv("DBUS_SESSION_BUS_ADDRESS", r.bus.Address)
}

// cmdKeyring is "keyring start|lock|kill": what happens to gnome-keyring.
func cmdKeyring(ts *testscript.TestScript, neg bool, args []string) {
	bus := rigOf(ts).bus
	do := map[string]func(){"start": bus.StartKeyring, "lock": bus.LockKeyring, "kill": bus.KillKeyring}
	if neg || len(args) != 1 || do[args[0]] == nil {
		ts.Fatalf("usage: keyring start|lock|kill")
	}
	do[args[0]]()
}

// cmdBuild is "build FILE [VARIABLE=VALUE | -FLAG …]": builds the program in
// another way.
func cmdBuild(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: build FILE [VARIABLE=VALUE | -FLAG …]")
	}
	cmd := exec.Command("go", "build", "-o", ts.MkAbs(args[0]))
	cmd.Env = os.Environ()
	for _, arg := range args[1:] {
		if arg[0] == '-' {
			cmd.Args = append(cmd.Args, arg)
		} else {
			cmd.Env = append(cmd.Env, arg)
		}
	}
	cmd.Args = append(cmd.Args, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}
