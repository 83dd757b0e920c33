package confirm

import (
	"errors"
	"time"
)

// Why there is no answer. Their texts are reasons in the audit log.
var (
	ErrNoAnswer = errors.New("no answer in time")
	ErrClosed   = errors.New("the prompt was closed")
	// ErrAllowed is the cause of a context whose question is not needed any more.
	ErrAllowed = errors.New("allowed meanwhile")
)

func denied(reason string) Answer { return Answer{Verdict: Deny, Reason: reason} }

// saidNo is what the person denied.
func saidNo(reason string) Answer { return Answer{Verdict: Deny, Said: true, Reason: reason} }

func allowed(v Verdict, d time.Duration) Answer {
	return Answer{Verdict: v, For: d, Reason: "allowed by the person"}
}
