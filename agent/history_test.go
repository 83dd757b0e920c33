package agent

import (
	"context"
	"testing"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
)

// The person is told what was before, of the very use that is asked about.
func TestQuestionTellsWhatWasBefore(t *testing.T) {
	r := newRigWith(t, func(c *Config) {
		c.History = func(u *keys.Use) string { return "before " + u.Key.Fingerprint }
	})
	told := ""
	r.prompt.answer = func(_ context.Context, q confirm.Question) (confirm.Answer, error) {
		told = q.History
		return confirm.Answer{Verdict: confirm.AllowOnce, Reason: "the person said yes"}, nil
	}
	data := gitData("commit")
	if reply := r.connect().ask(r.sign(data)); !r.verifies(reply, data) {
		t.Fatalf("%#v", reply)
	}
	if told != "before "+r.source.Info().Fingerprint {
		t.Errorf("told %q", told)
	}
}
