package confirmtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
)

// Person uses one Prompter. Each function acts on the question that is shown.
type Person struct {
	Prompter  confirm.Prompter
	Wait      func(t *testing.T) (shown string) // until a question is shown
	Allow     func(t *testing.T, shown string)
	AllowLong func(t *testing.T, shown string) // nil: not offered
	Deny      func(t *testing.T, shown string)
	Kill      func(t *testing.T, shown string) // nil: the Prompter is not a program
	WantGone  func(t *testing.T)               // fails when something of the question remains
}

// Conformance tests that every Prompter behaves the same. Each of persons starts one.
func Conformance(t *testing.T, persons map[string]func(t *testing.T) Person) {
	t.Parallel()
	for name, newPerson := range persons {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t)
			t.Run("allow", func(t *testing.T) { p.answers(t, Login(t), p.Allow, confirm.AllowOnce, "allowed by the person") })
			t.Run("allow for a while", func(t *testing.T) {
				if p.AllowLong == nil {
					return // not offered
				}
				if a := p.answers(t, Login(t), p.AllowLong, confirm.AllowFor, "allowed by the person"); a.For != 15*time.Minute {
					t.Errorf("for %v", a.For)
				}
			})
			t.Run("deny", func(t *testing.T) { p.answers(t, Login(t), p.Deny, confirm.Deny, "denied by the person") })
			t.Run("killed", func(t *testing.T) {
				if p.Kill == nil {
					return // it is not a program
				}
				p.answers(t, Login(t), p.Kill, "", p.Prompter.Name())
			})
			t.Run("hung up", p.hungUp)
			t.Run("no answer", p.noAnswer)
			t.Run("hostile values", func(t *testing.T) {
				p.answers(t, Hostile(t, HostileText), p.Deny, confirm.Deny, "denied by the person")
				p.answers(t, Hostile(t, HostileText), p.Allow, confirm.AllowOnce, "allowed by the person")
			})
		})
	}
}

// answers asks, lets the person act, and compares.
func (p Person) answers(t *testing.T, q confirm.Question, act func(*testing.T, string), verdict confirm.Verdict, reason string) confirm.Answer {
	t.Helper()
	answer := Ask(t, p.Prompter, q)
	act(t, p.Wait(t))
	a := <-answer
	Check(t, a, nil, verdict, reason)
	p.WantGone(t)
	return a
}

func (p Person) hungUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := p.Prompter.Ask(ctx, Login(t)); done <- err }()
	p.Wait(t)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	p.WantGone(t)
}

func (p Person) noAnswer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	a, err := p.Prompter.Ask(ctx, Login(t))
	Check(t, a, err, "", context.DeadlineExceeded.Error())
	p.WantGone(t)
}
