//go:build linux || windows

package confirm

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// person sits before one Prompter. Each method acts on the question that is shown.
type person struct {
	prompter  Prompter
	wait      func(t *testing.T) (shown string) // until a question is shown
	allow     func(t *testing.T, shown string)
	allowLong func(t *testing.T, shown string) // nil: it offers no such thing
	deny      func(t *testing.T, shown string)
	kill      func(t *testing.T, shown string) // nil: it is no program
	gone      func(t *testing.T)               // fails when something is left of the question
}

// TestConformance holds every Prompter to the same.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, meet := range persons {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := meet(t)
			t.Run("allow", func(t *testing.T) { p.answers(t, login(t), p.allow, AllowOnce, "allowed by the person") })
			t.Run("allow for a while", func(t *testing.T) {
				if p.allowLong == nil {
					return // it has no such button
				}
				if a := p.answers(t, login(t), p.allowLong, AllowFor, "allowed by the person"); a.For != 15*time.Minute {
					t.Errorf("for %v", a.For)
				}
			})
			t.Run("deny", func(t *testing.T) { p.answers(t, login(t), p.deny, Deny, "denied by the person") })
			t.Run("killed", func(t *testing.T) {
				if p.kill == nil {
					return // it is no program
				}
				p.answers(t, login(t), p.kill, "", p.prompter.Name())
			})
			t.Run("hung up", p.hungUp)
			t.Run("no answer", p.noAnswer)
			t.Run("hostile values", func(t *testing.T) {
				p.answers(t, hostile(t, nasty), p.deny, Deny, "denied by the person")
				p.answers(t, hostile(t, nasty), p.allow, AllowOnce, "allowed by the person")
			})
		})
	}
}

// answers asks, lets the person act, and compares.
func (p person) answers(t *testing.T, q Question, act func(*testing.T, string), verdict Verdict, reason string) Answer {
	t.Helper()
	answer := ask(t, p.prompter, q)
	act(t, p.wait(t))
	a := <-answer
	check(t, a, nil, verdict, reason)
	p.gone(t)
	return a
}

func (p person) hungUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := p.prompter.Ask(ctx, login(t)); done <- err }()
	p.wait(t)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	p.gone(t)
}

func (p person) noAnswer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	a, err := p.prompter.Ask(ctx, login(t))
	check(t, a, err, "", context.DeadlineExceeded.Error())
	p.gone(t)
}

// nasty is text that would move, hide or forge something, and is too long.
var nasty = "\u202egnp.\u2066[verified] <b>&amp;%0A\\n\x1b[2J\x00\r\nWhere: [verified] bank\u200b\u0301\u0301\u0301\u0301\u0301\u0301 _A שלום 日本語 \U0001F511 " +
	strings.Repeat("W\u202e", 5000)
