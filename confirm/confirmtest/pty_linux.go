package confirmtest

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"golang.org/x/sys/unix"
)

// PTY is a terminal with a person in front of it.
type PTY struct {
	Keys *os.File // the person's side
	TTY  *os.File // the program's side

	mu     sync.Mutex
	screen bytes.Buffer
}

// NewPTY opens a terminal and closes it when the test ends.
func NewPTY(t testing.TB) *PTY {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	err = control(keys, func(fd int) (err error) {
		if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &PTY{Keys: keys, TTY: tty}
	done := make(chan struct{})
	go func() { defer close(done); p.watch() }()
	t.Cleanup(func() { keys.Close(); tty.Close(); <-done })
	return p
}

// control runs f on the descriptor; reads of the file stay interruptible.
func control(file *os.File, f func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

func (p *PTY) watch() {
	buf := make([]byte, 4096)
	for {
		n, err := p.Keys.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.screen.Write(buf[:n])
		p.mu.Unlock()
	}
}

// Type types keys.
func (p *PTY) Type(keys string) { p.Keys.WriteString(keys) }

// Seen is the output since the last Clear.
func (p *PTY) Seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

// Clear forgets the output.
func (p *PTY) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.screen.Reset()
}

// WaitFor waits until the screen holds text.
func (p *PTY) WaitFor(t testing.TB, text string) {
	t.Helper()
	for end := time.Now().Add(Patience); !strings.Contains(p.Seen(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%q was not shown in\n%s", text, p.Seen())
			return
		}
	}
}

// Echoes reports whether the terminal shows typed characters and its keys send signals.
func (p *PTY) Echoes(t testing.TB) bool {
	t.Helper()
	var mode *unix.Termios
	if err := control(p.TTY, func(fd int) (err error) { mode, err = unix.IoctlGetTermios(fd, unix.TCGETS); return err }); err != nil {
		t.Fatal(err)
	}
	return mode.Lflag&unix.ECHO != 0 && mode.Lflag&unix.ISIG != 0
}

// DupTTY returns a duplicate of the program's side, for a program that closes it.
func (p *PTY) DupTTY(t testing.TB) *os.File {
	t.Helper()
	fd := -1
	err := control(p.TTY, func(old int) (err error) {
		fd, err = unix.FcntlInt(uintptr(old), unix.F_DUPFD_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), p.TTY.Name())
}

// WaitRestored waits until the terminal is as it was before the question.
func (p *PTY) WaitRestored(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(Patience); !p.Echoes(t); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the terminal was not restored after the question")
		}
	}
}

// Resize sets the size of the terminal's screen.
func (p *PTY) Resize(t testing.TB, columns, rows uint16) {
	t.Helper()
	err := control(p.Keys, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// PersonAt is the person who answers the questions of prompter at this terminal.
func (p *PTY) PersonAt(prompter confirm.Prompter) Person {
	typed := func(keys string) func(*testing.T, string) {
		return func(*testing.T, string) { p.Type(keys) }
	}
	return Person{
		Prompter: prompter, Wait: func(t *testing.T) string { p.WaitFor(t, "[N]o"); return "" },
		Allow: typed("y\r"), AllowLong: typed("m\r"), Deny: typed("\r"),
		WantGone: func(t *testing.T) {
			if !p.Echoes(t) {
				t.Error("the terminal was not restored after the question")
			}
			p.Clear()
		},
	}
}
