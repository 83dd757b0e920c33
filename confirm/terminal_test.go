//go:build linux

package confirm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pty is a terminal with a person at it.
type pty struct {
	keys *os.File // the person's side
	tty  *os.File // the program's side

	mu     sync.Mutex
	screen bytes.Buffer
}

func newPTY(t testing.TB) *pty {
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
	p := &pty{keys: keys, tty: tty}
	done := make(chan struct{})
	go func() { defer close(done); p.watch() }()
	t.Cleanup(func() { keys.Close(); tty.Close(); <-done })
	return p
}

func (p *pty) watch() {
	buf := make([]byte, 4096)
	for {
		n, err := p.keys.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.screen.Write(buf[:n])
		p.mu.Unlock()
	}
}

func (p *pty) seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

func (p *pty) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.screen.Reset()
}

// waitFor waits until the screen holds text.
func (p *pty) waitFor(t testing.TB, text string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(p.seen(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%q was not shown in\n%s", text, p.seen())
			return
		}
	}
}

func (p *pty) echoes(t testing.TB) bool {
	t.Helper()
	var mode *unix.Termios
	if err := control(p.tty, func(fd int) (err error) { mode, err = unix.IoctlGetTermios(fd, getTermios); return err }); err != nil {
		t.Fatal(err)
	}
	return mode.Lflag&unix.ECHO != 0 && mode.Lflag&unix.ISIG != 0
}

func TestTerminalAsk(t *testing.T) {
	for _, test := range []struct {
		typed   string
		verdict Verdict
		reason  string
	}{
		{"y\r", AllowOnce, "allowed by the person"},
		{"yes\r", AllowOnce, "allowed by the person"},
		{" YES \r", AllowOnce, "allowed by the person"},
		{"m\r", AllowFor, "allowed by the person"},
		{"minutes\r", AllowFor, "allowed by the person"},
		{"\r", Deny, "denied by the person"},
		{"n\r", Deny, "denied by the person"},
		{"yy\r", Deny, "denied by the person"},
		{"yes please\r", Deny, "denied by the person"},
		{"\x1b[Ay\r", Deny, "denied by the person"},
		{"y\x04\x04", "", "the prompt was closed"},
		{"\x04", "", "the prompt was closed"},
		{"y\x03", "", "the prompt was closed"},
		{strings.Repeat("y", 3*maxSecret) + "\r", Deny, "denied by the person"},
	} {
		t.Run(fmt.Sprintf("%.10q", test.typed), func(t *testing.T) {
			p := newPTY(t)
			term, err := newTerminal(p.tty)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				p.waitFor(t, "[N]o")
				p.keys.WriteString(test.typed)
			}()
			a, err := term.Ask(t.Context(), login(t))
			check(t, a, err, test.verdict, test.reason)
			if !p.echoes(t) {
				t.Error("the terminal was not restored")
			}
			p.waitFor(t, "  Where    [verified] github.com, 140.82.121.4\r\n")
		})
	}
}

func TestTerminalWithoutGrant(t *testing.T) {
	p := newPTY(t)
	term, _ := newTerminal(p.tty)
	go func() {
		p.waitFor(t, "[N]o")
		p.keys.WriteString("m\r")
	}()
	q := login(t)
	q.Remember = 0
	a, err := term.Ask(t.Context(), q)
	check(t, a, err, Deny, "denied by the person")
	if strings.Contains(p.seen(), "minutes") {
		t.Error("a grant was offered")
	}
}

func TestTerminalTypeAhead(t *testing.T) {
	p := newPTY(t)
	term, _ := newTerminal(p.tty)
	p.keys.WriteString("y\r")
	p.waitFor(t, "y") // echoed: it lies in the terminal's queue
	go func() {
		p.waitFor(t, "[N]o")
		p.keys.WriteString("n\r")
	}()
	a, err := term.Ask(t.Context(), login(t))
	check(t, a, err, Deny, "denied by the person")
}

func TestTerminalEnds(t *testing.T) {
	for _, test := range []struct {
		name  string
		cause error
		words string
	}{
		{"gone", errGone, "(withdrawn: the program went away)"},
		{"timeout", &timeoutError{time.Minute}, "(no answer: refused)"},
	} {
		for _, kind := range []string{"ask", "secret"} {
			t.Run(test.name+"/"+kind, func(t *testing.T) {
				p := newPTY(t)
				term, _ := newTerminal(p.tty)
				ctx, cancel := context.WithCancelCause(t.Context())
				go func() {
					p.waitFor(t, map[string]string{"ask": "[N]o: ", "secret": "Passphrase: "}[kind])
					p.keys.WriteString("y")           // half an answer
					time.Sleep(20 * time.Millisecond) // on its way through the kernel
					cancel(test.cause)
				}()
				var err error
				if kind == "ask" {
					_, err = term.Ask(ctx, login(t))
				} else {
					_, err = term.Secret(ctx, SecretQuestion{Title: "x", Prompt: "Passphrase:"})
				}
				if !errors.Is(err, test.cause) {
					t.Errorf("error %v, want %v", err, test.cause)
				}
				p.waitFor(t, test.words)
				if !p.echoes(t) {
					t.Error("the terminal was not restored")
				}
				// The half answer reaches nobody else.
				p.keys.WriteString("\r")
				line := make([]byte, 10)
				p.tty.SetReadDeadline(time.Now().Add(patience))
				if n, err := p.tty.Read(line); string(line[:n]) != "\n" {
					t.Errorf("left in the terminal: %q, %v", line[:n], err)
				}
				// The terminal can be used again.
				p.clear()
				go func() {
					p.waitFor(t, "[N]o: ")
					p.keys.WriteString("\r")
				}()
				a, err := term.Ask(t.Context(), login(t))
				check(t, a, err, Deny, "denied by the person")
			})
		}
	}
}

func TestTerminalHangsUp(t *testing.T) {
	p := newPTY(t)
	term, _ := newTerminal(p.tty)
	go func() {
		p.waitFor(t, "[N]o")
		p.keys.Close()
	}()
	if a, err := term.Ask(t.Context(), login(t)); err == nil {
		t.Errorf("answer %v from nobody", a)
	}
}

func TestTerminalSecret(t *testing.T) {
	for _, test := range []struct{ typed, secret, err string }{
		{"pass wörd%\r", "pass wörd%", ""},
		{"\r", "", ""},
		{"abc\x03", "", "the prompt was closed"},
		{"\x04", "", "the prompt was closed"},
	} {
		p := newPTY(t)
		term, _ := newTerminal(p.tty)
		go func() {
			p.waitFor(t, "Passphrase: ")
			if p.echoes(t) {
				t.Error("the passphrase is shown")
			}
			p.keys.WriteString(test.typed)
		}()
		secret, err := term.Secret(t.Context(), SecretQuestion{Title: "Unlock\x1b[2J", Text: "one\ntwo\x07", Prompt: "Passphrase:", Error: "wrong"})
		if string(secret) != test.secret || test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%q: secret %q, %v", test.typed, secret, err)
		}
		p.waitFor(t, "Passphrase: \r\n")
		if !p.echoes(t) {
			t.Error("the echo was not restored")
		}
		if strings.ContainsAny(p.seen(), "\x1b\x07") {
			t.Errorf("a control character reached the terminal: %q", p.seen())
		}
	}
}

func TestTerminalShowsNoControls(t *testing.T) {
	for _, value := range hostileValues {
		p := newPTY(t)
		term, _ := newTerminal(p.tty)
		go func() {
			p.waitFor(t, "[N]o")
			p.keys.WriteString("y\r")
		}()
		a, err := term.Ask(t.Context(), hostile(t, value))
		check(t, a, err, AllowOnce, "")
		text := strings.ReplaceAll(p.seen(), "\r\n", "")
		if i := strings.IndexFunc(text, func(r rune) bool { return r < 0x20 || 0x7f <= r && r < 0xa0 || r == 0x202e }); i >= 0 {
			t.Errorf("a control character reached the terminal: %q", text[i:min(len(text), i+20)])
		}
	}
}

func TestNewTerminalRefuses(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, file := range []*os.File{nil, r} {
		if term, err := newTerminal(file); err == nil {
			t.Errorf("%v is taken for a terminal", term)
		}
	}
}

// The text pinentries of Debian, on a terminal of their own.
func TestPinentryOnTerminal(t *testing.T) {
	for _, name := range []string{"pinentry-tty", "pinentry-curses"} {
		t.Run(name, func(t *testing.T) {
			tty := newPTY(t)
			env := map[string]string{"GPG_TTY": tty.tty.Name(), "TERM": "xterm", "LC_ALL": "C.UTF-8", "PATH": os.Getenv("PATH")}
			p := &pinentry{path: needs(t, name), env: func(name string) string { return env[name] }}
			go func() {
				tty.waitFor(t, "Passphrase:")
				time.Sleep(100 * time.Millisecond) // it flushes what is typed too early
				tty.keys.WriteString("50%+wörd\r")
			}()
			secret, err := p.Secret(t.Context(), SecretQuestion{Title: "Unlock", Text: "Unlock your keys", Prompt: "Passphrase:"})
			if string(secret) != "50%+wörd" || err != nil {
				t.Errorf("secret %q, %v", secret, err)
			}
			a, err := p.Ask(t.Context(), login(t))
			check(t, a, err, "", "its Enter key could allow")
			if !errors.Is(err, ErrUnsafePinentry) {
				t.Errorf("error %v", err)
			}
		})
	}
}
