//go:build linux

package ways

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

func TestTerminalAsk(t *testing.T) {
	for _, test := range []struct {
		typed   string
		verdict confirm.Verdict
		reason  string
	}{
		{"y\r", confirm.AllowOnce, "allowed by the person"},
		{"yes\r", confirm.AllowOnce, "allowed by the person"},
		{" YES \r", confirm.AllowOnce, "allowed by the person"},
		{"m\r", confirm.AllowFor, "allowed by the person"},
		{"minutes\r", confirm.AllowFor, "allowed by the person"},
		{"\r", confirm.Deny, "denied by the person"},
		{"n\r", confirm.Deny, "denied by the person"},
		{"yy\r", confirm.Deny, "denied by the person"},
		{"yes please\r", confirm.Deny, "denied by the person"},
		{"\x1b[Ay\r", confirm.Deny, "denied by the person"},
		{"y\x04\x04", "", "the prompt was closed"},
		{"\x04", "", "the prompt was closed"},
		{"y\x03", "", "the prompt was closed"},
		{strings.Repeat("y", 3*maxSecret) + "\r", confirm.Deny, "denied by the person"},
	} {
		t.Run(fmt.Sprintf("%.10q", test.typed), func(t *testing.T) {
			p := confirmtest.NewPTY(t)
			term, err := NewTerminal(p.TTY)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				p.WaitFor(t, "[N]o")
				p.Type(test.typed)
			}()
			a, err := term.Ask(t.Context(), confirmtest.Login(t))
			confirmtest.Check(t, a, err, test.verdict, test.reason)
			if !p.Echoes(t) {
				t.Error("the terminal was not restored")
			}
			p.WaitFor(t, "  Where    [verified] github.com, 140.82.121.4\r\n")
		})
	}
}

func TestTerminalWithoutGrant(t *testing.T) {
	p := confirmtest.NewPTY(t)
	term, _ := NewTerminal(p.TTY)
	go func() {
		p.WaitFor(t, "[N]o")
		p.Type("m\r")
	}()
	q := confirmtest.Login(t)
	q.Remember = 0
	a, err := term.Ask(t.Context(), q)
	confirmtest.Check(t, a, err, confirm.Deny, "denied by the person")
	if strings.Contains(p.Seen(), "minutes") {
		t.Error("a grant was offered")
	}
}

func TestTerminalTypeAhead(t *testing.T) {
	p := confirmtest.NewPTY(t)
	term, _ := NewTerminal(p.TTY)
	p.Type("y\r")
	p.WaitFor(t, "y") // the echo shows that it is in the terminal's queue
	go func() {
		p.WaitFor(t, "[N]o")
		p.Type("n\r")
	}()
	a, err := term.Ask(t.Context(), confirmtest.Login(t))
	confirmtest.Check(t, a, err, confirm.Deny, "denied by the person")
}

func TestTerminalEnds(t *testing.T) {
	for _, test := range []struct {
		name  string
		cause error
		words string
	}{
		{"gone", confirm.ErrGone, "(withdrawn: the program went away)"},
		{"timeout", confirm.NoAnswerWithin(time.Minute), "(no answer: refused)"},
	} {
		for _, kind := range []string{"ask", "secret"} {
			t.Run(test.name+"/"+kind, func(t *testing.T) {
				p := confirmtest.NewPTY(t)
				term, _ := NewTerminal(p.TTY)
				ctx, cancel := context.WithCancelCause(t.Context())
				go func() {
					p.WaitFor(t, map[string]string{"ask": "[N]o: ", "secret": "Passphrase: "}[kind])
					p.Type("y")                       // half an answer
					time.Sleep(20 * time.Millisecond) // until it is through the kernel
					cancel(test.cause)
				}()
				var err error
				if kind == "ask" {
					_, err = term.Ask(ctx, confirmtest.Login(t))
				} else {
					_, err = term.Secret(ctx, confirm.SecretQuestion{Title: "x", Prompt: "Passphrase:"})
				}
				if !errors.Is(err, test.cause) {
					t.Errorf("error %v, want %v", err, test.cause)
				}
				p.WaitFor(t, test.words)
				if !p.Echoes(t) {
					t.Error("the terminal was not restored")
				}
				// Nobody else reads the half answer.
				p.Type("\r")
				line := make([]byte, 10)
				p.TTY.SetReadDeadline(time.Now().Add(confirmtest.Patience))
				if n, err := p.TTY.Read(line); string(line[:n]) != "\n" {
					t.Errorf("left in the terminal: %q, %v", line[:n], err)
				}
				// The terminal can be used again.
				p.Clear()
				go func() {
					p.WaitFor(t, "[N]o: ")
					p.Type("\r")
				}()
				a, err := term.Ask(t.Context(), confirmtest.Login(t))
				confirmtest.Check(t, a, err, confirm.Deny, "denied by the person")
			})
		}
	}
}

func TestTerminalHangsUp(t *testing.T) {
	p := confirmtest.NewPTY(t)
	term, _ := NewTerminal(p.TTY)
	go func() {
		p.WaitFor(t, "[N]o")
		p.Keys.Close()
	}()
	if a, err := term.Ask(t.Context(), confirmtest.Login(t)); err == nil {
		t.Errorf("answer %v without a person", a)
	}
}

func TestTerminalSecret(t *testing.T) {
	for _, test := range []struct{ typed, secret, err string }{
		{"pass wörd%\r", "pass wörd%", ""},
		{"\r", "", ""},
		{"abc\x03", "", "the prompt was closed"},
		{"\x04", "", "the prompt was closed"},
	} {
		p := confirmtest.NewPTY(t)
		term, _ := NewTerminal(p.TTY)
		go func() {
			p.WaitFor(t, "Passphrase: ")
			if p.Echoes(t) {
				t.Error("the passphrase is shown")
			}
			p.Type(test.typed)
		}()
		secret, err := term.Secret(t.Context(), confirm.SecretQuestion{Title: "Unlock\x1b[2J", Text: "one\ntwo\x07", Prompt: "Passphrase:", Error: "wrong"})
		if string(secret) != test.secret || test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%q: secret %q, %v", test.typed, secret, err)
		}
		p.WaitFor(t, "Passphrase: \r\n")
		if !p.Echoes(t) {
			t.Error("the echo was not restored")
		}
		if strings.ContainsAny(p.Seen(), "\x1b\x07") {
			t.Errorf("a control character reached the terminal: %q", p.Seen())
		}
	}
}

func TestTerminalShowsNoControls(t *testing.T) {
	for _, value := range confirmtest.HostileValues {
		p := confirmtest.NewPTY(t)
		term, _ := NewTerminal(p.TTY)
		go func() {
			p.WaitFor(t, "[N]o")
			p.Type("y\r")
		}()
		a, err := term.Ask(t.Context(), confirmtest.Hostile(t, value))
		confirmtest.Check(t, a, err, confirm.AllowOnce, "")
		text := strings.ReplaceAll(p.Seen(), "\r\n", "")
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
		if term, err := NewTerminal(file); err == nil {
			t.Errorf("%v was accepted as a terminal", term)
		}
	}
}

// The text-mode pinentries of Debian, on a separate terminal.
func TestPinentryOnTerminal(t *testing.T) {
	for _, name := range []string{"pinentry-tty", "pinentry-curses"} {
		t.Run(name, func(t *testing.T) {
			tty := confirmtest.NewPTY(t)
			env := map[string]string{"GPG_TTY": tty.TTY.Name(), "TERM": "xterm", "LC_ALL": "C.UTF-8", "PATH": os.Getenv("PATH")}
			p := &pinentry{path: findProgram(t, name), env: func(name string) string { return env[name] }}
			go func() {
				tty.WaitFor(t, "Passphrase:")
				time.Sleep(100 * time.Millisecond) // it discards keys that are typed too early
				tty.Type("50%+wörd\r")
			}()
			secret, err := p.Secret(t.Context(), confirm.SecretQuestion{Title: "Unlock", Text: "Unlock your keys", Prompt: "Passphrase:"})
			if string(secret) != "50%+wörd" || err != nil {
				t.Errorf("secret %q, %v", secret, err)
			}
			a, err := p.Ask(t.Context(), confirmtest.Login(t))
			confirmtest.Check(t, a, err, "", "its Enter key could allow")
			if !errors.Is(err, errUnsafePinentry) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestTerminalBurst(t *testing.T) {
	for _, test := range []struct {
		typed   string
		burst   *confirm.Burst
		verdict confirm.Verdict
		reason  string
	}{
		{"g\r", &confirm.Burst{Command: "git rebase", PID: 7, Count: 100, For: 10 * time.Minute}, confirm.AllowBurst, "allowed by the person"},
		{"git\r", &confirm.Burst{Command: "git\x1b rebase", PID: 7, Count: 100, For: 10 * time.Minute}, confirm.AllowBurst, "allowed by the person"},
		{"g\r", nil, confirm.Deny, "denied by the person"},
	} {
		p := confirmtest.NewPTY(t)
		term, _ := NewTerminal(p.TTY)
		go func() {
			p.WaitFor(t, "[N]o")
			p.Type(test.typed)
		}()
		q := confirmtest.Login(t)
		q.Burst = test.burst
		a, err := term.Ask(t.Context(), q)
		confirmtest.Check(t, a, err, test.verdict, test.reason)
		offered := strings.Contains(p.Seen(), "[g]it command (up to 100, 10m)") && strings.Contains(p.Seen(), "rebase\", pid 7")
		if offered != (test.burst != nil) {
			t.Errorf("offered: %v in %q", offered, p.Seen())
		}
	}
}
