package agent

import (
	"context"
	"testing"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/platform"
)

// finder does something while a key is looked up.
type finder struct {
	*keystest.Source
	during *func()
}

func (f finder) Find(blob []byte) (keys.Info, bool) {
	(*f.during)()
	return f.Source.Find(blob)
}

// A lock or a pause that comes at any time before the reply stops the signature.
func TestALockOrPauseStopsASignature(t *testing.T) {
	for what, stop := range map[string]struct {
		do     func(*rig)
		reason string // "": nothing stops it
	}{
		"lock":    {func(r *rig) { _ = r.server.Lock(platform.Peer{}, []byte("x")) }, "the agent is locked"},
		"pause":   {func(r *rig) { _ = r.server.Pause(platform.Peer{}) }, "the broker is paused"},
		"nothing": {func(*rig) {}, ""},
	} {
		for _, test := range []struct {
			when  string
			rules []policy.Rule
			at    func(*rig, *func())
			used  int // how often the key has signed
		}{
			{"before the decision", []policy.Rule{allowAll}, func(r *rig, find *func()) { *find = func() { stop.do(r) } }, 0},
			{"during the question", nil, func(r *rig, _ *func()) {
				r.prompt.answer = func(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
					stop.do(r)
					return say(confirm.AllowOnce)(ctx, q)
				}
			}, 0},
			{"during a slow signature", []policy.Rule{allowAll}, func(r *rig, _ *func()) {
				r.source.Before = func(context.Context, *keys.Use) error { stop.do(r); return nil }
			}, 1},
		} {
			t.Run(what+" "+test.when, func(t *testing.T) {
				find := func() {}
				r := newRigWith(t, func(c *Config) {
					c.Ring = keys.NewRing(finder{c.Ring.Sources()[1].(*keystest.Source), &find})
				}, test.rules...)
				test.at(r, &find)
				r.signedUnless(stop.reason)
				if stop.reason == "" {
					test.used = 1
				}
				if used := len(r.source.Uses()); used != test.used {
					t.Errorf("the key signed %d times, want %d", used, test.used)
				}
			})
		}
	}
}
