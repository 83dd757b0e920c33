package agent

import (
	"context"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/wire"
)

// "For 15 minutes" answers what waits already and is covered, and nothing else.
func TestAGrantAnswersWhatWaits(t *testing.T) {
	r := newRig(t)
	asked, answers := make(chan struct{}), make(chan confirm.Verdict)
	r.prompt.answer = func(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
		answer := answers
		asked <- struct{}{}
		select {
		case verdict := <-answer:
			return say(verdict)(ctx, q)
		case <-ctx.Done():
			return confirm.Answer{}, context.Cause(ctx)
		}
	}
	home := newHost(t)
	start := func(user string) (*client, []byte) {
		c, data := r.connect(), loginData("session", user, r.source.Info().Blob, home.blob())
		c.ask(home.bind("session", false))
		c.send(r.sign(data))
		<-asked
		return c, data
	}
	other, otherData := start("root")
	answerOther := answers
	answers = make(chan confirm.Verdict)
	first, data := start("git")
	second, _ := start("git")
	answers <- confirm.AllowFor // one of the two takes it
	for _, c := range []*client{first, second} {
		if reply := c.receive(); !r.verifies(reply, data) {
			t.Errorf("%#v", reply)
		}
	}
	answerOther <- confirm.AllowFor // it still waits
	if reply := other.receive(); !r.verifies(reply, otherData) {
		t.Errorf("%#v", reply)
	}
	byGrant := 0
	for _, record := range r.records(keys.OpSign) {
		if strings.HasPrefix(record.Reason, "grant ") && record.Purpose.User == "git" {
			byGrant++
		}
	}
	if byGrant != 1 {
		t.Errorf("%d logins were answered by the grant", byGrant)
	}
}

// A no to one key holds for the others of the same login, and for no other login.
func TestANoHoldsForTheOtherKeys(t *testing.T) {
	second := keystest.New("second")
	for _, test := range []struct {
		what    string
		first   confirm.Answer
		session string // of the second request
		bound   bool
		asked   int
	}{
		{"the person said no", confirm.Answer{Verdict: confirm.Deny, ByPerson: true, Reason: "no"}, "session", true, 1},
		{"nobody answered", confirm.Answer{Verdict: confirm.Deny, Reason: "no answer"}, "session", true, 2},
		{"another session", confirm.Answer{Verdict: confirm.Deny, ByPerson: true, Reason: "no"}, "other", true, 2},
		{"not bound", confirm.Answer{Verdict: confirm.Deny, ByPerson: true, Reason: "no"}, "session", false, 2},
	} {
		t.Run(test.what, func(t *testing.T) {
			r := newRigWith(t, func(c *Config) { c.Ring = keys.NewRing(append(c.Ring.Sources(), second)...) })
			asked := 0
			r.prompt.answer = func(context.Context, confirm.Question) (confirm.Answer, error) { asked++; return test.first, nil }
			c, host := r.connect(), newHost(t)
			login := func(session string, key []byte) {
				if test.bound {
					c.ask(host.bind(session, false))
				}
				if reply := c.ask(wire.SignRequest{KeyBlob: key, Data: loginData(session, "git", key, host.blob())}); reply != wire.Failure {
					t.Errorf("%#v", reply)
				}
			}
			login("session", r.source.Info().Blob)
			login(test.session, second.Info().Blob)
			if asked != test.asked {
				t.Errorf("asked %d times", asked)
			}
			if last := r.last(); last.Decision != audit.Refused || (test.asked == 1) != (last.Reason == `denied by the person for another key, and so for this login as "git"`) {
				t.Errorf("%s: %s", last.Decision, last.Reason)
			}
		})
	}
}
