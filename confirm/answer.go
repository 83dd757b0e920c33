package confirm

import (
	"context"
	"errors"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// Reasons for a missing answer, as the audit log shows them.
const (
	ErrNoAnswer = Refusal("no answer in time")
	ErrClosed   = Refusal("the prompt was closed")
	// ErrNoWay means that no prompt can ask.
	ErrNoWay = Refusal("no way to ask")
	// ErrGone is the cause of a context whose program ended or hung up.
	ErrGone = Refusal("the program went away")
	// ErrAllowed is the cause of a context whose question is no longer needed.
	ErrAllowed = Refusal("allowed meanwhile")
	// ErrElsewhere is the cause of a context whose question was answered in another place.
	ErrElsewhere = Refusal("answered in another place")
	// ErrTerminalGone is the cause of a context whose paired terminal went away.
	ErrTerminalGone = Refusal("the terminal that was to answer is gone")
)

// Refusal says why a question was refused without an answer. An error that wraps
// one goes into the audit log unchanged. Any other error is a failure of the prompt.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// timeoutError matches context.DeadlineExceeded in errors.Is.
type timeoutError struct{ after time.Duration }

// NoAnswerWithin is the cause of a context that ended after d without an answer.
func NoAnswerWithin(d time.Duration) error { return &timeoutError{d} }

func (e *timeoutError) Error() string { return "no answer within " + keys.ShortDuration(e.after) }

func (e *timeoutError) Unwrap() error { return context.DeadlineExceeded }

// Reason is the text of a Prompter's error for the audit log.
func Reason(err error) string {
	var timeout *timeoutError
	var refusal Refusal
	switch {
	case errors.Is(err, ErrClosed):
		return ErrClosed.Error()
	case errors.Is(err, ErrNoAnswer):
		return ErrNoAnswer.Error()
	case errors.As(err, &timeout), errors.As(err, &refusal):
		return err.Error()
	}
	what, _ := platform.Explain(err)
	return "prompt program failed: " + what
}

// Denied is a refusal that the person did not choose.
func Denied(reason string) Answer { return Answer{Verdict: Deny, Reason: reason} }

// DeniedByPerson is a refusal by the person.
func DeniedByPerson() Answer {
	return Answer{Verdict: Deny, ByPerson: true, Reason: "denied by the person"}
}

// Allowed is consent by the person; d is the duration of AllowFor.
func Allowed(v Verdict, d time.Duration) Answer {
	return Answer{Verdict: v, For: d, Reason: "allowed by the person"}
}
