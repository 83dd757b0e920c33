package confirm

import (
	"context"
	"errors"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// Why there is no answer. Their texts are reasons in the audit log.
const (
	ErrNoAnswer = Refusal("no answer in time")
	ErrClosed   = Refusal("the prompt was closed")
	// ErrNoWay is wrapped where nobody can be reached.
	ErrNoWay = Refusal("no way to ask")
	// ErrGone is the cause of a context whose program ended or hung up.
	ErrGone = Refusal("the program went away")
	// ErrAllowed is the cause of a context whose question is not needed any more.
	ErrAllowed = Refusal("allowed meanwhile")
	// ErrElsewhere is the cause where the question was answered in another place.
	ErrElsewhere = Refusal("answered in another place")
	// ErrTerminalGone is the cause where a paired terminal answers no more.
	ErrTerminalGone = Refusal("the terminal that was to answer is gone")
)

// Refusal says why a question was refused without the person. An error that wraps
// one is a reason for the audit log as it is; any other error is a fault of the
// program that was to ask.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// timeoutError is a deadline to whoever asks errors.Is.
type timeoutError struct{ after time.Duration }

// NoAnswerWithin is the cause of a context in which the person did not answer.
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
	return "prompt program failed: " + platform.Plain(err)
}

// Denied is a refusal that the person did not speak.
func Denied(reason string) Answer { return Answer{Verdict: Deny, Reason: reason} }

// SaidNo is what the person denied.
func SaidNo(reason string) Answer { return Answer{Verdict: Deny, Said: true, Reason: reason} }

// Allowed is what the person allowed; d is for AllowFor.
func Allowed(v Verdict, d time.Duration) Answer {
	return Answer{Verdict: v, For: d, Reason: "allowed by the person"}
}
