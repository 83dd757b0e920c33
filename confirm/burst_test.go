package confirm

import (
	"testing"
	"time"
)

// A prompter's mistake allows nothing that was not offered.
func TestBurstIsClamped(t *testing.T) {
	answer := Answer{Verdict: AllowBurst, For: time.Hour, Reason: "allowed by the person"}
	if a := clamp(answer, Question{Burst: &Burst{}}); a.Verdict != AllowBurst || a.For != 0 {
		t.Errorf("%+v", a)
	}
	if a := clamp(answer, Question{Remember: time.Hour}); a.Verdict != Deny {
		t.Errorf("%+v", a)
	}
}
