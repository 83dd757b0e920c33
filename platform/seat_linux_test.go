package platform

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// seated is the peer of a program that runs as line says, with PROGRAM in it.
func seated(t *testing.T, line string) Peer {
	t.Helper()
	path := filepath.Join(privateTemp(t), "s")
	line = strings.ReplaceAll(line, "PROGRAM", "'"+executable(t)+"' "+path)
	return peerOfConn(t, accept(t, mustListen(t, path), inTerminal(t, line)))
}

func TestOpenTerminal(t *testing.T) {
	peer := seated(t, "PROGRAM")
	tty, err := OpenTerminal(peer)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	if tty.Name() != "/dev/"+peer.Terminal {
		t.Errorf("%s was opened, want %s", tty.Name(), peer.Terminal)
	}
	if err := tty.SetReadDeadline(time.Now()); err != nil {
		t.Errorf("a question could not be withdrawn: %v", err)
	}
}

func TestOpenTerminalRefuses(t *testing.T) {
	good := seated(t, "PROGRAM")
	change := func(do func(*Peer)) func(*testing.T) Peer {
		return func(*testing.T) Peer { p := good; do(&p); return p }
	}
	for name, test := range map[string]struct {
		peer func(t *testing.T) Peer
		want string
	}{
		"no terminal": {func(t *testing.T) Peer {
			path := filepath.Join(privateTemp(t), "s")
			cmd := self(t, "connect", path)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			return peerOfConn(t, accept(t, mustListen(t, path), cmd))
		}, "it has no terminal"},
		"in the background": {func(t *testing.T) Peer { return seated(t, "bash -mc \"PROGRAM & wait\"") }, "not in the foreground"},
		"stopped": {func(t *testing.T) Peer {
			p := seated(t, "PROGRAM")
			if err := syscall.Kill(p.PID, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				for _, one := range append(p.Parents[:2:2], p.Process) { // script(1) stops with its child
					_ = syscall.Kill(one.PID, syscall.SIGCONT)
				}
			})
			waitForState(t, p.PID, 'T')
			return p
		}, "not in the foreground"},
		"others may read it": {func(t *testing.T) Peer { return seated(t, "chmod 0644 $(tty) && PROGRAM") }, "others may read its terminal"},
		"somebody else's": {func(t *testing.T) Peer {
			if os.Getuid() != 0 {
				t.Skip("needs root: gives a terminal away")
			}
			return seated(t, "chown nobody $(tty) && PROGRAM")
		}, "belongs to user 65534"},
		"another process by now":   {change(func(p *Peer) { p.Start++ }), "the program has ended"},
		"ended":                    {change(func(p *Peer) { p.PID = 1 << 30 }), "the program has ended"},
		"another terminal by now":  {change(func(p *Peer) { p.Terminal = "pts/99999" }), "another terminal now"},
		"in a container":           {change(func(p *Peer) { p.Container = true }), "in a container"},
		"not identified":           {change(func(p *Peer) { p.Identified = false }), "could not be identified"},
		"not a terminal to ask on": {change(func(p *Peer) { p.Terminal = "char/4:1" }), "it has no terminal"},
	} {
		t.Run(name, func(t *testing.T) {
			tty, err := OpenTerminal(test.peer(t))
			if err == nil {
				tty.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	if tty, err := OpenTerminal(good); err != nil {
		t.Errorf("the same without these: %v", err)
	} else {
		tty.Close()
	}
}

func waitForState(t *testing.T, pid int, state byte) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if now, err := readStat(pid); err == nil && now.state == state {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("process %d is not in the state %c", pid, state)
		}
	}
}

// A console that nobody has logged in on is not even opened: that would make it.
func TestAnnounceOpensNoUnusedConsole(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, whose the unused consoles are")
	}
	consoles, _ := filepath.Glob("/dev/tty[0-9]*")
	used := 0
	for _, path := range consoles {
		if someonesAt(path) {
			used++
		}
	}
	if len(consoles) > 0 && used == len(consoles) {
		t.Errorf("all %d consoles pass for used ones", used)
	}
	if someonesAt("/dev/null") || someonesAt(t.TempDir()) {
		t.Error("what is no terminal passes for one")
	}
}

// What is announced reaches the terminal, and waits for nobody who does not read.
func TestTell(t *testing.T) {
	said := filepath.Join(privateTemp(t), "said")
	cmd := exec.Command("script", "-qefc", "tty && read line", said)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "SHELL=/bin/sh")
	if err := cmd.Start(); err != nil {
		t.Skip("needs script(1)")
	}
	defer cmd.Wait()
	defer in.Close()
	has := func(text string) (line string) {
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			data, _ := os.ReadFile(said)
			for line := range strings.Lines(string(data)) {
				if strings.Contains(line, text) && strings.HasSuffix(line, "\n") {
					return strings.TrimSpace(line)
				}
			}
		}
		t.Fatalf("%q was not shown", text)
		return ""
	}
	tty := has("/dev/pts/")
	if !someonesAt(tty) {
		t.Errorf("nobody at %s", tty)
	}
	if err := tell(tty, "\r\nanother terminal answers\r\n"); err != nil {
		t.Fatal(err)
	}
	has("another terminal answers")
}

// newTerminal is a pseudo-terminal whose other end nobody reads.
func newTerminal(t *testing.T) (master *os.File, path string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return master, fmt.Sprintf("/dev/pts/%d", number)
}

// as runs f with the rights of another user where this one is root, whom no
// terminal keeps out. Its thread ends with it. It is not the first one, which never ends,
// and whose user /proc shows as that of the process.
func as(t *testing.T, uid int, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			defer runtime.UnlockOSThread()
			as(t, uid, f)
			return
		}
		if os.Getuid() == 0 {
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
				t.Error(errno)
				return
			}
		}
		f()
	}()
	<-done
}

// fillTerminal writes pieces until the terminal takes no more. The kernel moves what was
// written a moment later, which makes room again, so it looks until there is none left.
func fillTerminal(fd, size int) {
	_ = unix.SetNonblock(fd, true)
	for full := 0; full < 5; full++ {
		for {
			if _, err := unix.Write(fd, make([]byte, size)); err != nil {
				break
			}
			full = 0
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Whatever a program of the user does to a terminal to keep it quiet: nothing is
// said there, and it is not counted as told.
func TestTerminalsThatAreKeptQuiet(t *testing.T) {
	stranger := 61000 + os.Getpid()%1000 // who has no other terminals
	root := os.Getuid() == 0
	open := func(path string) int {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			t.Error(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	for name, silence := range map[string]func(path string) error{
		"as it was": nil,
		"TIOCEXCL":  func(path string) error { return unix.IoctlSetInt(open(path), unix.TIOCEXCL, 0) },
		"mode 000":  func(path string) error { return os.Chmod(path, 0) },
		"TCOOFF":    func(path string) error { return unix.IoctlSetInt(open(path), unix.TCXONC, unix.TCOOFF) },
		"full": func(path string) error {
			fillTerminal(open(path), 1000)
			return nil
		},
		"almost full": func(path string) error {
			fd := open(path)
			fillTerminal(fd, 1)
			return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH)
		},
	} {
		t.Run(name, func(t *testing.T) {
			as(t, stranger, func() {
				_, path := newTerminal(t)
				if silence != nil {
					if err := silence(path); err != nil {
						t.Error(err)
					}
				}
				if !someonesAt(path) {
					t.Error("it is not the user's")
				}
				told := tell(path, "\r\nanother terminal answers\r\n")
				all := told
				if root { // else the person who runs the test would be told
					all = announce("another terminal answers", "none")
				}
				if silence == nil {
					if told != nil || all != nil {
						t.Errorf("%v; %v", told, all)
					}
					return
				}
				if told == nil || all == nil || root && !strings.Contains(all.Error(), strings.TrimPrefix(path, "/dev/")) {
					t.Errorf("it was told: %v; %v", told, all)
				}
			})
		})
	}
	if !root {
		return
	}
	as(t, stranger, func() {
		if err := announce("another terminal answers", "none"); err == nil || !strings.Contains(err.Error(), "no other terminal") {
			t.Errorf("with no terminal at all: %v", err)
		}
	})
}
