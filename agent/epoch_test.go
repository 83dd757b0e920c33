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
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/platform"
)

// endings are the events that end an epoch, and what the refusal says of them.
// The last two end none: they are the twins.
var endings = []struct {
	what string
	do   func(*rig)
	void string
	keep bool // the grants of before
}{
	{"lock and unlock", func(r *rig) {
		_ = r.server.Lock(platform.Peer{}, []byte("x"))
		_ = r.server.Unlock(context.Background(), platform.Peer{}, []byte("x"))
	}, "the agent was locked before the request was done", false},
	{"pause and resume", func(r *rig) {
		_ = r.server.Pause(platform.Peer{})
		_ = r.server.Resume(platform.Peer{})
	}, "the broker was paused before the request was done", true},
	{"reload", func(r *rig) { r.server.SetRules(r.server.Rules()) }, "the rules were read again before the request was done", false},
	{"revoke", func(r *rig) { r.server.Revoke(platform.Peer{}, "") }, "a grant was revoked before the request was done", false},
	{"drop of secrets", func(r *rig) { r.server.Drop(Drop{Secrets: true}, "the screen was locked", false) }, "the screen was locked before the request was done", true},
	{"drop of grants", func(r *rig) { r.server.Drop(Drop{Grants: true}, "the machine went to sleep", true) }, "the machine went to sleep before the request was done", false},
	{"drop of nothing", func(r *rig) { r.server.Drop(Drop{}, "the screen was locked", false) }, "", true},
	{"revoke of a grant that there is not", func(r *rig) { r.server.Revoke(platform.Peer{}, "77") }, "", true},
}

// An answer that comes after the epoch signs nothing and makes no grant.
func TestALateAnswerIsVoid(t *testing.T) {
	for _, verdict := range []confirm.Verdict{confirm.AllowOnce, confirm.AllowFor} {
		for _, ending := range endings {
			t.Run(string(verdict)+", "+ending.what, func(t *testing.T) {
				r := newRig(t)
				r.prompt.answer = func(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
					ending.do(r)
					return say(verdict)(ctx, q)
				}
				r.signedUnless(ending.void)
				if made := len(r.server.Grants.List(time.Now())); made != 0 && (ending.void != "" || verdict == confirm.AllowOnce) {
					t.Errorf("%d grants were made", made)
				}
			})
		}
	}
}

// signedUnless asks for a signature and compares the outcome; "": there is one.
func (r *rig) signedUnless(void string) {
	r.t.Helper()
	data := gitData("x")
	reply := r.connect().ask(r.sign(data))
	signed := r.verifies(reply, data)
	var last audit.Record
	for _, record := range r.records(keys.OpSign) {
		last = record
	}
	if signed != (void == "") || (last.Decision == audit.Allowed) != signed || !signed && last.Reason != void {
		r.t.Errorf("signed: %v; %s: %s", signed, last.Decision, last.Reason)
	}
}

// The question is withdrawn at that moment: its answer would be for nothing.
func TestTheQuestionIsWithdrawn(t *testing.T) {
	r := newRig(t)
	r.prompt.answer = func(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
		go r.server.Revoke(platform.Peer{}, "")
		<-ctx.Done()
		return confirm.Answer{}, context.Cause(ctx)
	}
	r.signedUnless("a grant was revoked before the request was done")
}

// So is a PIN that was typed, or a touch, as the person's consent.
func TestALatePINIsVoid(t *testing.T) {
	for _, ending := range endings {
		t.Run(ending.what, func(t *testing.T) {
			var steps []string
			r := newRigWith(t, func(c *Config) {
				c.Ring = keys.NewRing(asker{c.Ring.Sources()[1].(*keystest.Source), "allowed by the person: PIN", nil, &steps})
			})
			r.source.Before = func(context.Context, *keys.Use) error { ending.do(r); return nil }
			r.signedUnless(ending.void)
		})
	}
}

// A grant that has ended while the key was at work allowed nothing.
func TestALateSignatureByAGrantIsVoid(t *testing.T) {
	for _, ending := range endings {
		t.Run(ending.what, func(t *testing.T) {
			r := newRig(t)
			r.prompt.answer = say(confirm.AllowFor)
			r.signedUnless("")
			r.prompt.answer = say(confirm.Deny)
			r.source.Before = func(context.Context, *keys.Use) error { ending.do(r); return nil }
			if ending.keep {
				ending.void = ""
			}
			r.signedUnless(ending.void)
		})
	}
}

// What a rule allows with nobody asked goes by the rules at its end.
func TestARuleAllowsAcrossEpochs(t *testing.T) {
	for _, ending := range endings {
		t.Run(ending.what, func(t *testing.T) {
			r := newRig(t, allowAll)
			r.source.Before = func(context.Context, *keys.Use) error { ending.do(r); return nil }
			r.signedUnless("")
		})
	}
	r := newRig(t, allowAll)
	r.source.Before = func(context.Context, *keys.Use) error {
		r.server.SetRules(policy.New(nil, []policy.Rule{{Name: "ask", Action: policy.Ask}}, policy.Options{}))
		return nil
	}
	r.signedUnless("the rules were read again before the request was done")
}

// Grants are made and revoked one at a time: none is made after the end.
func TestNoGrantOutlivesItsEpoch(t *testing.T) {
	e := newEpoch()
	for range 1000 {
		held, now, made := 0, e.now(), make(chan error)
		go func() { made <- e.during(now, func() error { held++; return nil }) }()
		e.advance("x", func() { held = 0 })
		if err := <-made; held != 0 || err != nil && !strings.HasPrefix(err.Error(), "x before") {
			t.Fatalf("%d grants are left, %v", held, err)
		}
	}
	if err := e.during(e.now(), func() error { return errors.New("done") }); err == nil || err.Error() != "done" {
		t.Error(err)
	}
}

// Rules that came while the key was at work mention other names, which are
// tried against what is hashed as well.
func TestANewRuleTriesItsNamesAcrossEpochs(t *testing.T) {
	for _, name := range []string{"prod", "elsewhere"} {
		prod := newHost(t)
		path := hostsText(t, prod.line("prod"))
		hashHosts(t, path)
		r := newRigWith(t, func(c *Config) { c.Hosts = NewKnownHosts(path) }, allowAll)
		r.source.Before = func(context.Context, *keys.Use) error {
			r.server.SetRules(policy.New(nil, []policy.Rule{{Name: "never " + name, Host: name, Action: policy.Refuse}, allowAll}, policy.Options{}))
			return nil
		}
		c := r.connect()
		c.ask(prod.bind("s1", false))
		data := loginData("s1", "root", r.source.Info().Blob, nil)
		if signed := r.verifies(c.ask(r.sign(data)), data); signed != (name != "prod") {
			t.Errorf("never %s: signed: %v; %s", name, signed, r.last().Reason)
		}
	}
}
