//go:build linux

package ways

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

// A withdrawn question delays the next one; an answered question does not.
func TestHandWaits(t *testing.T) {
	for name, withdrawn := range map[string]bool{"withdrawn": true, "answered": false} {
		synctest.Test(t, func(t *testing.T) {
			var h hand
			ctx, cancel := context.WithCancel(t.Context())
			ended := h.wait(ctx)
			if withdrawn {
				cancel()
			}
			ended()
			cancel()
			asked := time.Now()
			h.wait(t.Context())
			if waited := time.Since(asked); (waited == handTime) != withdrawn || waited > handTime {
				t.Errorf("%s: %v", name, waited)
			}
		})
	}
}

// An answer typed for a withdrawn question does not answer the question that follows.
func TestTerminalAnswersWhatWasRead(t *testing.T) {
	for withdrawn, patience := range map[bool]time.Duration{true: time.Second, false: confirmtest.Patience} {
		p := confirmtest.NewPTY(t)
		term, _ := NewTerminal(p.TTY)
		term.hand.pause = time.Hour
		ctx, withdraw := context.WithCancel(t.Context())
		first := make(chan error)
		go func() {
			_, err := term.Ask(ctx, confirmtest.Login(t))
			first <- err
		}()
		p.WaitFor(t, "[N]o")
		if withdrawn {
			withdraw()
		} else {
			p.Type("n\r")
		}
		if err := <-first; (err != nil) != withdrawn {
			t.Fatal(err)
		}
		withdraw()

		ctx, end := context.WithTimeout(t.Context(), patience)
		typed := make(chan struct{})
		go func() {
			defer close(typed)
			for ctx.Err() == nil {
				p.Type("y\r")
				time.Sleep(20 * time.Millisecond)
			}
		}()
		a, err := term.Ask(ctx, confirmtest.Login(t))
		end()
		<-typed
		if allowed := err == nil && a.Verdict == confirm.AllowOnce; allowed == withdrawn {
			t.Errorf("withdrawn: %v: %+v, %v", withdrawn, a, err)
		}
	}
}

// Each of these programs allows immediately.
func TestEveryWayLeavesTheHandItsTime(t *testing.T) {
	for _, withdrawn := range []bool{true, false} {
		h := func() hand {
			if !withdrawn {
				return hand{}
			}
			return hand{pause: time.Hour, withdrawn: time.Now()}
		}
		yes := script(t, "exit 0")
		for name, way := range map[string]confirm.Prompter{
			"pinentry": &pinentry{path: script(t, fmt.Sprintf(pinentryScript, "echo OK")), env: plainEnv, hand: h()},
			"dialog":   &dialog{path: yes, env: plainEnv, hand: h()},
			"askpass":  &askpass{path: yes, env: plainEnv, hand: h()},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			if withdrawn {
				time.AfterFunc(10*time.Millisecond, cancel)
			}
			a, err := way.Ask(ctx, confirmtest.Login(t))
			cancel()
			if allowed := err == nil && a.Verdict == confirm.AllowOnce; allowed == withdrawn {
				t.Errorf("%s, withdrawn: %v: %+v, %v", name, withdrawn, a, err)
			}
		}
	}
}

// The rest of a PIN is not shown when its question is withdrawn while it is typed.
func TestTerminalHidesTheRestOfASecret(t *testing.T) {
	p := confirmtest.NewPTY(t)
	term, _ := NewTerminal(p.TTY)
	term.hand.pause = 3 * time.Second
	ctx, withdraw := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := term.Secret(ctx, confirm.SecretQuestion{Title: "t", Prompt: "PIN:"})
		done <- err
	}()
	p.WaitFor(t, "PIN:")
	p.Type("12")
	withdraw()
	p.WaitFor(t, "the program went away")
	p.Type("3456")
	if err := <-done; err == nil {
		t.Error("it was answered")
	}
	if strings.Contains(p.Seen(), "3456") {
		t.Errorf("shown: %q", p.Seen())
	}
	p.Type("visible") // afterwards the terminal is as it was
	p.WaitFor(t, "visible")
}
