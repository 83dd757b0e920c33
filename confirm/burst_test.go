//go:build linux

package confirm

import (
	"strings"
	"testing"
	"time"
)

func TestTerminalBurst(t *testing.T) {
	for _, test := range []struct {
		typed   string
		burst   *Burst
		verdict Verdict
		reason  string
	}{
		{"g\r", &Burst{Command: "git rebase", PID: 7, Count: 100, For: 10 * time.Minute}, AllowBurst, "allowed by the person"},
		{"git\r", &Burst{Command: "git\x1b rebase", PID: 7, Count: 100, For: 10 * time.Minute}, AllowBurst, "allowed by the person"},
		{"g\r", nil, Deny, "denied by the person"},
	} {
		p := newPTY(t)
		term, _ := newTerminal(p.tty)
		go func() {
			p.waitFor(t, "[N]o")
			p.keys.WriteString(test.typed)
		}()
		q := login(t)
		q.Burst = test.burst
		a, err := term.Ask(t.Context(), q)
		check(t, a, err, test.verdict, test.reason)
		offered := strings.Contains(p.seen(), "[g]it command (up to 100, 10m)") && strings.Contains(p.seen(), "rebase\", pid 7")
		if offered != (test.burst != nil) {
			t.Errorf("offered: %v in %q", offered, p.seen())
		}
	}
}

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
