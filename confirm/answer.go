package confirm

import (
	"errors"
	"strings"
	"time"
)

// Why there is no answer. Their texts are reasons in the audit log.
var (
	ErrNoAnswer = errors.New("no answer in time")
	ErrClosed   = errors.New("the prompt was closed")
)

func denied(reason string) Answer { return Answer{Verdict: Deny, Reason: reason} }

func allowed(v Verdict, d time.Duration) Answer {
	return Answer{Verdict: v, For: d, Reason: "allowed by the person"}
}

// short writes 15m0s as 15m and 1h0m0s as 1h.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
