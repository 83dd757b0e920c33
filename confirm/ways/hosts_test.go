//go:build linux

package ways

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/keys"
)

// thirtyHosts is an offer for a parallel-ssh.
func thirtyHosts() *confirm.Burst {
	b := &confirm.Burst{Command: "python3.11 parallel-ssh", PID: 4711, Count: 100, For: 10 * time.Minute, NewHosts: 2}
	for n := range 30 {
		b.Hosts = append(b.Hosts, keys.Host{Fingerprint: fmt.Sprint(n), Names: []string{fmt.Sprintf("web%02d.fra.example.com", n+1)}})
	}
	return b
}

func TestTerminalHosts(t *testing.T) {
	for _, test := range []struct {
		typed   string
		burst   *confirm.Burst
		verdict confirm.Verdict
	}{
		{"h\r", thirtyHosts(), confirm.AllowBurst},
		{"hosts\r", thirtyHosts(), confirm.AllowBurst},
		{"g\r", thirtyHosts(), confirm.Deny},
		{"h\r", &confirm.Burst{Command: "git rebase", PID: 7, Count: 100, For: 10 * time.Minute}, confirm.Deny},
		{"h\r", nil, confirm.Deny},
	} {
		p := confirmtest.NewPTY(t)
		term, _ := NewTerminal(p.TTY)
		go func() {
			p.WaitFor(t, "[N]o")
			p.Type(test.typed)
		}()
		q := confirmtest.Login(t)
		q.Burst = test.burst
		a, err := term.Ask(t.Context(), q)
		if err != nil || a.Verdict != test.verdict {
			t.Errorf("%q: %+v, %v", test.typed, a, err)
		}
		listed := strings.Contains(p.Seen(), "[h]osts (these 30, up to 100, 10m)") && strings.Contains(p.Seen(), "web30.fra.example.com")
		if listed != test.burst.ListsHosts() {
			t.Errorf("listed: %v in %q", listed, p.Seen())
		}
	}
}

// The third button of a pinentry allows the hosts if they are listed.
func TestPinentryHostsVerdict(t *testing.T) {
	third := &assuanError{code: gpgNotConfirmed}
	for _, test := range []struct {
		q    confirm.Question
		want confirm.Verdict
	}{
		{confirm.Question{Burst: thirtyHosts(), Remember: time.Minute}, confirm.AllowBurst},
		{confirm.Question{Remember: time.Minute}, confirm.AllowFor},
		{confirm.Question{}, confirm.Deny},
	} {
		if a, err := verdict(third, test.q); err != nil || a.Verdict != test.want {
			t.Errorf("%+v: %+v, %v", test.q, a, err)
		}
	}
}
