package agent

import (
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
)

// An answer for hosts counts only where hosts may be offered, and when it names them.
func TestOffers(t *testing.T) {
	hosts := []keys.Host{{Fingerprint: "SHA256:a"}}
	burst := func(hosts []keys.Host) confirm.Answer {
		return confirm.Answer{Verdict: confirm.AllowBurst, Hosts: hosts}
	}
	for _, test := range []struct {
		name     string
		question confirm.Question
		answer   confirm.Answer
		want     bool
	}{
		{"hosts", confirm.Question{Together: &confirm.Together{}}, burst(hosts), true},
		{"no hosts named", confirm.Question{Together: &confirm.Together{}}, burst(nil), false},
		{"git", confirm.Question{Burst: &confirm.Burst{}}, burst(nil), true},
		{"nothing", confirm.Question{Remember: time.Minute}, burst(hosts), false},
		{"a while", confirm.Question{Remember: time.Minute}, confirm.Answer{Verdict: confirm.AllowFor}, true},
		{"no while", confirm.Question{Together: &confirm.Together{}}, confirm.Answer{Verdict: confirm.AllowFor}, false},
	} {
		if got := offers(test.question, test.answer); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
