// Package confirmtest plays the person in tests: its Prompter passes questions to the
// test, which answers them. It also has the Conformance test of every Prompter, with
// its questions and a terminal.
package confirmtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
)

// Prompter passes each question to Next. A question that the test does not take or
// answer lasts until its context ends.
type Prompter struct {
	shown chan *Shown
}

// Shown is one question on the imagined screen. The test calls one of its methods at
// most; without a call, the question's context ends it.
type Shown struct {
	Ctx      context.Context
	Question confirm.Question       // of Ask
	Secret   confirm.SecretQuestion // of Secret
	IsSecret bool
	Notice   *confirm.Notice // of Notify, else nil; Close refuses it

	reply chan reply
}

type reply struct {
	answer confirm.Answer
	secret []byte
	err    error
}

// New returns a Prompter that has shown no question.
func New() *Prompter { return &Prompter{shown: make(chan *Shown)} }

// Name implements confirm.Prompter.
func (p *Prompter) Name() string { return "test" }

// Ask implements confirm.Prompter.
func (p *Prompter) Ask(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
	r := p.show(&Shown{Ctx: ctx, Question: q})
	return r.answer, r.err
}

// Secret implements confirm.Prompter.
func (p *Prompter) Secret(ctx context.Context, q confirm.SecretQuestion) ([]byte, error) {
	r := p.show(&Shown{Ctx: ctx, Secret: q, IsSecret: true})
	return r.secret, r.err
}

// Notify implements confirm.Prompter.
func (p *Prompter) Notify(ctx context.Context, n confirm.Notice) error {
	err := p.show(&Shown{Ctx: ctx, Notice: &n}).err
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (p *Prompter) show(s *Shown) reply {
	s.reply = make(chan reply, 1)
	select {
	case p.shown <- s:
	case <-s.Ctx.Done():
		return reply{err: context.Cause(s.Ctx)}
	}
	select {
	case r := <-s.reply:
		return r
	case <-s.Ctx.Done():
		return reply{err: context.Cause(s.Ctx)}
	}
}

// Next waits for the next question.
func (p *Prompter) Next(t testing.TB) *Shown {
	t.Helper()
	select {
	case s := <-p.shown:
		return s
	case <-time.After(Patience):
		t.Fatal("no question was asked")
		return nil
	}
}

// WantNone fails the test when a question waits.
func (p *Prompter) WantNone(t testing.TB) {
	t.Helper()
	select {
	case s := <-p.shown:
		t.Fatalf("an unexpected question was asked: %+v", s.Question.Use)
	default:
	}
}

// AllowOnce answers yes.
func (s *Shown) AllowOnce() {
	s.Answer(confirm.Answer{Verdict: confirm.AllowOnce, Reason: "allowed by the person"})
}

// AllowFor answers yes for a while.
func (s *Shown) AllowFor(d time.Duration) {
	s.Answer(confirm.Answer{Verdict: confirm.AllowFor, For: d, Reason: "allowed by the person"})
}

// Deny answers no.
func (s *Shown) Deny() {
	s.Answer(confirm.Answer{Verdict: confirm.Deny, Reason: "denied by the person"})
}

// Answer gives any answer.
func (s *Shown) Answer(a confirm.Answer) { s.reply <- reply{answer: a} }

// Type answers a Secret; the caller of Secret wipes the slice.
func (s *Shown) Type(secret []byte) { s.reply <- reply{secret: secret} }

// Fail breaks the prompt.
func (s *Shown) Fail(err error) { s.reply <- reply{err: err} }

// Close closes the prompt without an answer.
func (s *Shown) Close() { s.Fail(confirm.ErrClosed) }

// Always returns a Prompter that gives the same answer to every question and
// has no secret.
func Always(v confirm.Verdict) confirm.Prompter { return always(v) }

type always confirm.Verdict

func (always) Name() string { return "test" }

func (a always) Ask(_ context.Context, q confirm.Question) (confirm.Answer, error) {
	answer := confirm.Answer{Verdict: confirm.Verdict(a), Reason: "as the test says"}
	if answer.Verdict == confirm.AllowFor {
		answer.For = q.Remember
	}
	return answer, nil
}

func (always) Secret(context.Context, confirm.SecretQuestion) ([]byte, error) {
	return nil, errors.New("the test has no secret")
}

func (always) Notify(ctx context.Context, _ confirm.Notice) error {
	<-ctx.Done()
	return nil
}
