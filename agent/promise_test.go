package agent

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/wire"
)

// grantGit makes a grant for git signatures, and returns how often was asked.
func (r *rig) grantGit() *atomic.Int32 {
	r.t.Helper()
	asked := new(atomic.Int32)
	r.prompt.answer = func(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
		asked.Add(1)
		if q.Remember == 0 {
			return say(confirm.AllowOnce)(ctx, q)
		}
		return say(confirm.AllowFor)(ctx, q)
	}
	for range 2 {
		if _, ok := r.connect().ask(r.sign(gitData("x"))).(wire.SignResponse); !ok {
			r.t.Fatal("not signed")
		}
	}
	if asked.Load() != 1 {
		r.t.Fatalf("asked %d times: there is no grant", asked.Load())
	}
	return asked
}

func TestGrantEndsWithTheRulesItWasMadeUnder(t *testing.T) {
	r := newRig(t)
	asked := r.grantGit()
	r.server.SetRules(r.server.Rules())
	if r.connect().ask(r.sign(gitData("x"))); asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestGrantHoldsOnlyWhereOneWouldBeOffered(t *testing.T) {
	r := newRig(t)
	asked := r.grantGit()
	// As if it had become doubtful whether a rule refuses: asked, nothing offered.
	r.server.rules.Store(policy.New(nil, []policy.Rule{{Name: "always ask", Action: policy.Ask}}, policy.Options{}))
	if r.connect().ask(r.sign(gitData("x"))); asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// forgetting counts Forget.
type forgetting struct {
	*keystest.Source
	forgot atomic.Int32
}

func (f *forgetting) Forget() { f.forgot.Add(1) }

func TestLockDropsGrantsAndOpenedKeys(t *testing.T) {
	var opened *forgetting
	r := newRigWith(t, func(c *Config) {
		opened = &forgetting{Source: c.Ring.Sources()[1].(*keystest.Source)}
		c.Ring = keys.NewRing(softkeys.NewMemory(softkeys.Clock{}), opened)
	})
	asked := r.grantGit()
	if opened.forgot.Load() != 0 {
		t.Fatal("forgot before it was locked")
	}
	if err := r.server.Lock(platform.Peer{}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if opened.forgot.Load() != 1 {
		t.Errorf("opened keys were dropped %d times", opened.forgot.Load())
	}
	if err := r.server.Unlock(t.Context(), platform.Peer{}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if r.connect().ask(r.sign(gitData("x"))); asked.Load() != 2 {
		t.Errorf("the grant outlived the lock: asked %d times", asked.Load())
	}
}

// What a failed bind would have said is not known, so it counts as forwarded.
func TestFailedBindCountsAsForwarded(t *testing.T) {
	r := newRig(t)
	c := r.connect()
	if reply := c.ask(wire.RemoveAllIdentities{}); reply != wire.Success {
		t.Fatalf("before: %#v", reply)
	}
	c.ask(wire.Extension{Name: wire.ExtSessionBind, Contents: []byte("x")})
	if reply := c.ask(wire.RemoveAllIdentities{}); reply != wire.Failure || !strings.Contains(r.last().Reason, "forwarded connection may not change") {
		t.Errorf("%#v, %+v", reply, r.last())
	}
}

func TestOnlyASignaturesRecordEndsTheProblemWithTheLog(t *testing.T) {
	r := newRig(t, allowAll)
	full := errors.New("no space left")
	r.server.auditErr.Store(&full)
	c := r.connect()
	c.ask(wire.RequestIdentities{}) // its small record fits
	if r.server.AuditErr() == nil {
		t.Error("a list's record hides that signatures are refused")
	}
	c.ask(r.sign(gitData("x")))
	if err := r.server.AuditErr(); err != nil {
		t.Errorf("a signature was written, but: %v", err)
	}
}

func TestMessagesAreWiped(t *testing.T) {
	r := newRig(t)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	s := newSession(r.server, ours)
	defer s.hangUp()
	text := wire.Unlock{Passphrase: []byte("hunter2")}.Marshal()
	s.queue.pending, s.queue.working, s.queue.reading = []message{{bytes: text}}, true, true
	done := make(chan struct{})
	go func() { s.work(); close(done) }()
	if _, err := wire.ReadFrame(theirs); err != nil {
		t.Fatal(err)
	}
	<-done
	if !bytes.Equal(text, make([]byte, len(text))) {
		t.Errorf("left in memory: %q", text)
	}
}
