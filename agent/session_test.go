package agent

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

func TestPoliteFailures(t *testing.T) {
	c := newRig(t).connect()
	for name, test := range map[string]struct {
		message []byte
		want    wire.Reply
	}{
		"retired number":      {wire.Unknown{Number: 1}.Marshal(), wire.Failure},
		"unknown number":      {wire.Unknown{Number: 200, Body: []byte("x")}.Marshal(), wire.Failure},
		"malformed sign":      {[]byte{13, 0, 0, 0, 9}, wire.Failure},
		"unknown extension":   {wire.Extension{Name: "x@example.com"}.Marshal(), wire.Failure},
		"bind without sense":  {wire.Extension{Name: wire.ExtSessionBind, Contents: []byte("x")}.Marshal(), wire.ExtensionFailure},
		"token":               {wire.AddSmartcardKey{ReaderID: "/x.so"}.Marshal(), wire.Failure},
		"remove what is not":  {wire.RemoveIdentity{KeyBlob: []byte("x")}.Marshal(), wire.Failure},
		"unlock what is open": {wire.Unlock{Passphrase: []byte("x")}.Marshal(), wire.Failure},
		"lock with nothing":   {wire.Lock{}.Marshal(), wire.Failure},
	} {
		if err := wire.WriteFrame(c.conn, test.message); err != nil {
			t.Fatal(err)
		}
		if reply := c.receive(); reply != test.want {
			t.Errorf("%s: %#v", name, reply)
		}
	}
	if reply := c.ask(wire.Extension{Name: wire.ExtQuery}); string(reply.Marshal()) != string(wire.QueryResponse(wire.ExtSessionBind).Marshal()) {
		t.Errorf("query: %#v", reply)
	}
}

func TestBrokenFrameEndsOnlyItsConnection(t *testing.T) {
	r := newRig(t)
	broken, other := r.connect(), r.connect()
	if _, err := broken.conn.Write([]byte{255, 255, 255, 255}); err != nil {
		t.Fatal(err)
	}
	if _, err := broken.conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("broken frame: %v", err)
	}
	if reply, ok := other.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok || len(reply.Identities) != 1 {
		t.Errorf("%#v", reply)
	}
}

func TestPanicRefusesAndTheAgentGoesOn(t *testing.T) {
	r := newRig(t, allowAll)
	c := r.connect()
	r.source.Before = func(context.Context, *keys.Use) error { panic("a fault") }
	if reply := c.ask(r.sign(gitData("x"))); reply != wire.Failure || r.last().Reason != "the agent has a fault" {
		t.Errorf("%#v, %+v", reply, r.last())
	}
	if _, ok := c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok {
		t.Error("no list afterwards")
	}
}

func TestOtherUserIsRefused(t *testing.T) {
	r := newRigWith(t, func(c *Config) { c.Allowed = func(platform.Peer) bool { return false } })
	if _, err := r.connect().conn.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	r.waitFor(func() bool { return len(r.records(keys.OpConnect)) == 1 })
	if last := r.last(); !strings.Contains(last.Reason, "may not use this agent") {
		t.Errorf("%+v", last)
	}
}

func TestTooManyConnectionsAreTurnedAway(t *testing.T) {
	r := newRig(t)
	take := func(n int) {
		r.server.budgets.mu.Lock()
		defer r.server.budgets.mu.Unlock()
		r.server.budgets.held += n
	}
	take(r.server.budgets.most)
	c := r.connect()
	if _, err := c.conn.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
	if last := r.last(); last.Reason != tooManyConnections.reason {
		t.Errorf("%+v", last)
	}
	take(-r.server.budgets.most)
	if status := r.server.Status(); status.TurnedAway != 1 {
		t.Errorf("%+v", status)
	}
	if _, ok := r.connect().ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok {
		t.Error("there is room again, but no answer")
	}
}

func TestShutdownAnswersWhatWasAsked(t *testing.T) {
	r := newRig(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	r.prompt.answer = func(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
		close(asked)
		<-answer
		return say(confirm.AllowOnce)(ctx, q)
	}
	c, idle := r.connect(), r.connect()
	data := gitData("x")
	c.send(r.sign(data))
	<-asked
	done := make(chan struct{})
	go func() { r.server.Shutdown(context.Background()); close(done) }()
	if _, err := idle.conn.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err) // idle connections end at once
	}
	close(answer)
	if reply := c.receive(); !r.verifies(reply, data) {
		t.Errorf("%#v", reply)
	}
	<-done
}

func TestShutdownDoesNotWaitForAPersonForEver(t *testing.T) {
	r := newRig(t)
	asked := make(chan struct{})
	r.prompt.answer = func(ctx context.Context, _ confirm.Question) (confirm.Answer, error) {
		close(asked)
		<-ctx.Done()
		return confirm.Answer{}, ctx.Err()
	}
	c := r.connect()
	c.send(r.sign(gitData("x")))
	<-asked
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	r.server.Shutdown(ctx)
	if records := r.records(keys.OpSign); len(records) != 1 || records[0].Decision != "refused" {
		t.Errorf("%+v", records)
	}
}

func TestListIsWrittenOnceAConnection(t *testing.T) {
	r := newRig(t)
	c := r.connect()
	for range 3 {
		c.ask(wire.RequestIdentities{})
	}
	r.connect().ask(wire.RequestIdentities{})
	lists := r.records(keys.OpList)
	if len(lists) != 2 || lists[0].Count != 1 {
		t.Errorf("%+v", lists)
	}
}

func TestRuleHidesAKey(t *testing.T) {
	r := newRig(t)
	c := r.connect()
	if list := c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); len(list.Identities) != 1 {
		t.Fatalf("without the rule: %+v", list)
	}
	r.server.SetRules(policy.New(nil, []policy.Rule{{Name: "hide", Key: "work", Action: policy.Refuse}}, policy.Options{}))
	if list := c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); len(list.Identities) != 0 {
		t.Errorf("with the rule: %+v", list)
	}
}

// A client whose request was sent, but not read, when the agent began to end has its
// answer; so has one that had just connected.
func TestShutdownAnswersWhatWasSent(t *testing.T) {
	for name, before := range map[string]int{"first request": 0, "later request": 1} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			c := r.connect()
			for range before {
				c.ask(wire.RequestIdentities{})
			}
			for r.server.Status().Connections == 0 {
				time.Sleep(time.Millisecond)
			}
			r.server.mu.Lock()
			for session := range r.server.sessions {
				session.drain()
			}
			r.server.mu.Unlock()
			c.send(wire.RequestIdentities{})
			if _, ok := c.receive().(wire.IdentitiesAnswer); !ok {
				t.Error("it was cut off")
			}
		})
	}
}
