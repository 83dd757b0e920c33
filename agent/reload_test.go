package agent

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/platform"
)

func TestReload(t *testing.T) {
	var source *forgetting
	r := newRigWith(t, func(c *Config) {
		source = &forgetting{Source: c.Ring.Sources()[1].(*keystest.Source)}
		c.Ring = keys.NewRing(c.Ring.Sources()[0], source)
	})
	peer := platform.Peer{User: "1000", Identified: true, Process: platform.Process{PID: 7, Name: "someone"}}
	rules := func(action policy.Action) *policy.Rules {
		return policy.New(nil, []policy.Rule{{Name: "r", Key: "work", Action: action}}, policy.Options{})
	}
	refuse, allow := rules(policy.Refuse), rules(policy.Allow)
	grant := func() {
		t.Helper()
		use := &keys.Use{Op: keys.OpSign, Peer: peer, Key: r.source.Info(), Time: time.Now()}
		use.Peer.Executable, use.Purpose.Kind, use.Purpose.Namespace = "/bin/someone", "sshsig", "git"
		if _, err := r.server.Grants.Add(use, policy.Decision{Action: policy.Ask, Remember: time.Hour}, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	reload := func(new *policy.Rules, forgot int32) audit.Record {
		t.Helper()
		grant()
		before := r.server.BeforeReload()
		if err := r.server.Reload(peer, before, new, policy.Widened(before.Rules, new), "for a test"); err != nil {
			t.Fatal(err)
		}
		if n := len(r.server.Grants.List(time.Now())); n != 0 || r.server.Rules() != new || source.forgot.Load() != forgot {
			t.Errorf("%d grants, forgot %d times, want %d", n, source.forgot.Load(), forgot)
		}
		return r.last()
	}
	record := reload(refuse, 0)
	if record.Op != keys.OpReload || record.Decision != audit.Allowed || record.Rules != refuse.Digest() || record.Peer.PID != 7 || record.Reason != "for a test" {
		t.Errorf("narrower: %+v", record)
	}
	record = reload(allow, 1)
	if record.Rules != allow.Digest() || record.Reason != `for a test; they allow more: rule "r" (allow) is wider than before` {
		t.Errorf("wider: %+v", record)
	}
	// The same rules again end nothing.
	grant()
	if err := r.server.Reload(peer, r.server.BeforeReload(), allow, nil, "for a test"); err != nil || len(r.server.Grants.List(time.Now())) != 1 || r.last().Reason != "for a test; the rules are the same" {
		t.Errorf("the same: %v, %+v", err, r.last())
	}
	// An answer that comes after others were put in force is void, and after a lock.
	stale := r.server.BeforeReload()
	reload(refuse, 1)
	if err := r.server.Reload(peer, stale, allow, nil, ""); !errors.Is(err, ErrRulesChanged) || r.last().Decision != audit.Refused {
		t.Errorf("stale: %v, %+v", err, r.last())
	}
	stale = r.server.BeforeReload()
	if err := r.server.Pause(peer); err != nil {
		t.Fatal(err)
	}
	if err := r.server.Reload(peer, stale, allow, []string{"all"}, ""); err == nil || !strings.Contains(err.Error(), "paused before") || r.server.Rules() != refuse {
		t.Errorf("wider, after a pause: %v", err)
	}
	if err := r.server.Reload(peer, stale, allow, nil, ""); err != nil || r.server.Rules() != allow {
		t.Errorf("its twin, no wider: %v", err)
	}
	// What cannot be written may only be narrower.
	r.server.Audit.Close()
	if err := r.server.Reload(peer, r.server.BeforeReload(), refuse, nil, ""); err != nil || r.server.Rules() != refuse {
		t.Errorf("narrower, not written: %v", err)
	}
	if err := r.server.Reload(peer, r.server.BeforeReload(), allow, []string{"all"}, ""); err == nil || !strings.Contains(err.Error(), "audit") || r.server.Rules() != refuse {
		t.Errorf("wider, not written: %v", err)
	}
}

func TestRevokeAndStartAreRecords(t *testing.T) {
	r := newRig(t)
	peer := platform.Peer{User: "1000", Identified: true, Process: platform.Process{PID: 7, Name: "someone"}}
	r.server.Started("by a test")
	if got := r.last(); got.Op != keys.OpStart || got.Decision != audit.Note || got.Rules != r.server.Rules().Digest() || got.Reason != "by a test" {
		t.Errorf("start: %+v", got)
	}
	if r.server.Revoke(peer, "none") || r.last().Op == keys.OpRevoke {
		t.Errorf("a grant that is not there: %+v", r.last())
	}
	if !r.server.Revoke(peer, "") || r.last().Op != keys.OpRevoke || r.last().Peer.PID != 7 || r.last().Rules == "" || r.last().Reason != "every grant: 0" {
		t.Errorf("all: %+v", r.last())
	}
}

// stopping is a source with a card that takes long to be let go.
type stopping struct {
	*keystest.Source
	meanwhile func()
}

func (s *stopping) Forget() { s.meanwhile() }

// The person allowed wider rules, and stopped the broker before they were in force.
func TestWiderRulesAreNotPutInForceAfterAStop(t *testing.T) {
	for _, ending := range endings {
		t.Run(ending.what, func(t *testing.T) {
			source := &stopping{}
			r := newRigWith(t, func(c *Config) {
				source.Source = c.Ring.Sources()[1].(*keystest.Source)
				c.Ring = keys.NewRing(c.Ring.Sources()[0], source)
			})
			first := true
			source.meanwhile = func() {
				if first {
					first = false
					ending.do(r)
				}
			}
			before := r.server.BeforeReload()
			allow := policy.New(nil, []policy.Rule{allowAll}, policy.Options{})
			err := r.server.Reload(platform.Peer{}, before, allow, policy.Widened(before.Rules, allow), "for a test")
			if inForce := r.server.Rules() == allow; inForce != (ending.void == "") || (err == nil) != inForce {
				t.Errorf("in force: %v, %v", inForce, err)
			}
			if err != nil && err.Error() != ending.void {
				t.Errorf("%v; want %s", err, ending.void)
			}
		})
	}
}
