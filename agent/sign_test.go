package agent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

var allowAll = policy.Rule{Name: "all", Action: policy.Allow}

func TestSignatureIsAskedForAndWrittenDown(t *testing.T) {
	r := newRig(t)
	r.prompt.answer = say(confirm.AllowOnce)
	data := gitData("commit")
	if reply := r.connect().ask(r.sign(data)); !r.verifies(reply, data) {
		t.Fatalf("%#v", reply)
	}
	last := r.last()
	if last.Op != keys.OpSign || last.Decision != audit.Allowed || last.Reason != "the person said allow-once" ||
		last.Purpose.String() != "sshsig:git" || last.Key.Name != "work" || last.Peer.PID == 0 {
		t.Errorf("%+v", last)
	}
}

// Each way of not allowing refuses for its own reason. The twin of all of them
// is the test above, where the same request passes.
func TestSignatureIsRefused(t *testing.T) {
	yes := say(confirm.AllowOnce)
	for _, test := range []struct {
		name, reason string
		prepare      func(*rig)
	}{
		{"denied", "the person said deny", func(r *rig) { r.prompt.answer = say(confirm.Deny) }},
		{"no verdict", "", func(r *rig) { r.prompt.answer = say("") }},
		{"unknown verdict", "the person said allow", func(r *rig) { r.prompt.answer = say("allow") }},
		{"grant where none was offered", `the prompt answered "allow-for", which it was not offered`, func(r *rig) {
			r.server.SetRules(policy.New(nil, nil, policy.Options{})) // nothing is remembered
			r.prompt.answer = say(confirm.AllowFor)
		}},
		{"burst where none was offered", `the prompt answered "allow-burst", which it was not offered`, func(r *rig) { r.prompt.answer = say(confirm.AllowBurst) }},
		{"broken prompt", "nobody could be asked: no display", func(r *rig) {
			r.prompt.answer = func(context.Context, confirm.Question) (confirm.Answer, error) {
				return confirm.Answer{Verdict: confirm.AllowOnce}, errors.New("no display")
			}
		}},
		{"rule", "refuse", func(r *rig) {
			r.server.SetRules(policy.New(nil, []policy.Rule{{Name: "never", Key: "work", Action: policy.Refuse}}, policy.Options{}))
		}},
		{"source", "the card is gone", func(r *rig) {
			r.source.Before = func(context.Context, *keys.Use) error { return errors.New("the card is gone") }
		}},
		{"faulty signature", "does not verify", func(r *rig) { r.source.Corrupt = true }},
		{"locked meanwhile", "the agent is locked", func(r *rig) {
			r.prompt.answer = func(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
				_ = r.server.Lock(platform.Peer{}, []byte("x"))
				return yes(ctx, q)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.prompt.answer = yes
			test.prepare(r)
			if reply := r.connect().ask(r.sign(gitData("x"))); reply != wire.Failure {
				t.Fatalf("%#v", reply)
			}
			last := r.last()
			if last.Decision != audit.Refused || !strings.Contains(last.Reason, test.reason) {
				t.Errorf("%+v", last)
			}
			if refusals := r.server.Refusals(); len(refusals) == 0 || refusals[len(refusals)-1].Seq != last.Seq {
				t.Errorf("why knows %+v", refusals)
			}
		})
	}
}

func TestNoSignatureWithoutItsRecord(t *testing.T) {
	r := newRig(t, allowAll)
	c := r.connect()
	data := gitData("x")
	if reply := c.ask(r.sign(data)); !r.verifies(reply, data) {
		t.Fatalf("with a log: %#v", reply)
	}
	r.server.Audit.Close()
	if reply := c.ask(r.sign(data)); reply != wire.Failure {
		t.Fatalf("without a log: %#v", reply)
	}
	refusals := r.server.Refusals()
	if len(refusals) != 1 || !strings.Contains(refusals[0].Reason, "audit log cannot be written") {
		t.Errorf("%+v", refusals)
	}
}

func TestHangUpWithdrawsThePrompt(t *testing.T) {
	r := newRig(t)
	asked, withdrawn := make(chan struct{}), make(chan struct{})
	r.prompt.answer = func(ctx context.Context, _ confirm.Question) (confirm.Answer, error) {
		close(asked)
		<-ctx.Done()
		close(withdrawn)
		return confirm.Answer{Verdict: confirm.AllowOnce}, nil // too late
	}
	c := r.connect()
	c.send(r.sign(gitData("x")))
	<-asked
	c.conn.Close()
	<-withdrawn
	r.waitFor(func() bool { return len(r.records(keys.OpSign)) == 1 })
	if last := r.last(); last.Decision != audit.Refused || !strings.Contains(last.Reason, "went away") {
		t.Errorf("%+v", last)
	}
}

// waitFor waits until something is so; the test's own time-out ends it.
func (r *rig) waitFor(so func() bool) {
	for !so() {
		time.Sleep(time.Millisecond)
	}
}

func TestPromptOnOneConnectionDelaysNoOther(t *testing.T) {
	r := newRig(t, policy.Rule{Name: "git", Purpose: "sshsig:git", Action: policy.Allow})
	asked, answer := make(chan struct{}), make(chan struct{})
	r.prompt.answer = func(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
		close(asked)
		<-answer
		return say(confirm.AllowOnce)(ctx, q)
	}
	slow, quick := r.connect(), r.connect()
	login := loginData("session", "root", r.source.Info().Blob, nil)
	slow.send(r.sign(login))
	<-asked
	data := gitData("meanwhile")
	if reply := quick.ask(r.sign(data)); !r.verifies(reply, data) {
		t.Fatalf("%#v", reply)
	}
	if list, ok := quick.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok || len(list.Identities) != 1 {
		t.Fatalf("%#v", list)
	}
	close(answer)
	if reply := slow.receive(); !r.verifies(reply, login) {
		t.Fatalf("%#v", reply)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	r := newRig(t, allowAll)
	c := r.connect()
	const n = 3 * maxPending // more than the queue holds
	go func() {
		for i := range n {
			_ = wire.WriteFrame(c.conn, r.sign(gitData(string(rune('a'+i%26)))).Marshal())
		}
	}()
	for i := range n {
		if reply := c.receive(); !r.verifies(reply, gitData(string(rune('a'+i%26)))) {
			t.Fatalf("answer %d: %#v", i, reply)
		}
	}
}

func TestGrantCoversTheLikeAndNothingWider(t *testing.T) {
	r := newRig(t)
	asked := 0
	r.prompt.answer = func(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
		asked++
		if q.Remember == 0 {
			return say(confirm.AllowOnce)(ctx, q)
		}
		return say(confirm.AllowFor)(ctx, q)
	}
	home, other := newHost(t), newHost(t)
	login := func(h host, user string) {
		t.Helper()
		c := r.connect()
		if reply := c.ask(h.bind("session", false)); reply != wire.Success {
			t.Fatalf("bind: %#v", reply)
		}
		data := loginData("session", user, r.source.Info().Blob, h.blob())
		if reply := c.ask(r.sign(data)); !r.verifies(reply, data) {
			t.Fatalf("%#v", reply)
		}
	}
	for _, step := range []struct {
		what  string
		do    func()
		asked int
	}{
		{"first login", func() { login(home, "git") }, 1},
		{"the like", func() { login(home, "git") }, 1},
		{"another host", func() { login(other, "git") }, 2},
		{"another user", func() { login(home, "root") }, 3},
		{"another purpose", func() { r.connect().ask(r.sign(gitData("x"))) }, 4},
		{"unknown content", func() { r.connect().ask(r.sign([]byte("x"))) }, 5},
		{"unknown content again", func() { r.connect().ask(r.sign([]byte("x"))) }, 6},
	} {
		if step.do(); asked != step.asked {
			t.Fatalf("%s: asked %d times, want %d", step.what, asked, step.asked)
		}
		if last := r.last(); (last.Grant == "1") != (step.what == "the like") {
			t.Errorf("%s: by the grant %q: %s", step.what, last.Grant, last.Reason)
		}
	}
	r.server.Grants.RevokeAll()
	if login(home, "git"); asked != 7 {
		t.Errorf("after revoking: asked %d times", asked)
	}
}

func TestSignatureFlags(t *testing.T) {
	r := newRig(t, allowAll)
	request := r.sign(gitData("x"))
	for flags, good := range map[wire.SignatureFlags]bool{0: true, 2: true, 4: true, 1: false, 8: false} {
		request.Flags = flags
		if _, ok := r.connect().ask(request).(wire.SignResponse); ok != good {
			t.Errorf("flags %d: signed %v", flags, ok)
		}
	}
	for _, record := range r.records(keys.OpSign) {
		if record.Decision == audit.Refused && !strings.Contains(record.Reason, "flags") {
			t.Errorf("%+v", record)
		}
	}
}

func TestUnknownKeyIsNamed(t *testing.T) {
	r := newRig(t, allowAll)
	h := newHost(t)
	if reply := r.connect().ask(wire.SignRequest{KeyBlob: h.blob(), Data: gitData("x")}); reply != wire.Failure {
		t.Fatalf("%#v", reply)
	}
	if last := r.last(); !strings.Contains(last.Reason, "there is no key SHA256:") {
		t.Errorf("%+v", last)
	}
}
