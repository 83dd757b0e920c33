package agent

import (
	"context"
	"testing"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// newLearningRig has two more keys, first and second, before the one called
// work, and learns what works where.
func newLearningRig(t *testing.T, rules ...policy.Rule) *rig {
	index := audit.NewIndex()
	index.Load(context.Background(), t.TempDir())
	return newRigWith(t, func(c *Config) {
		all := append([]keys.Source{keystest.New("first"), keystest.New("second")}, c.Ring.Sources()...)
		c.Ring, c.Logins, c.Written = keys.NewRing(all...), index.Logins, index.Add
	}, rules...)
}

// firstListed is the comment of the first key that is listed after the binds.
func (r *rig) firstListed(t *testing.T, binds ...wire.Extension) string {
	t.Helper()
	c := r.connect()
	for _, bind := range binds {
		c.ask(bind)
	}
	answer, ok := c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer)
	if !ok || len(answer.Identities) != 3 {
		t.Fatalf("%#v", answer)
	}
	return answer.Identities[0].Comment
}

func TestListIsOrderedForTheHostThatIsLoggedInTo(t *testing.T) {
	yes := true
	forwarded := allowAll
	forwarded.Forwarded = &yes
	r := newLearningRig(t, allowAll, forwarded)
	target, hop := newHost(t), newHost(t)
	broken := wire.Extension{Name: wire.ExtSessionBind, Contents: []byte("x")}
	if first := r.firstListed(t, target.bind("s", false)); first != "first" {
		t.Fatal(first)
	}
	r.destinationOf(t, loginData("s", "git", r.source.Info().Blob, target.blob()), target.bind("s", false))
	for _, test := range []struct {
		name  string
		binds []wire.Extension
		want  string
	}{
		{"logging in there", []wire.Extension{target.bind("s", false)}, "work"},
		{"over a hop", []wire.Extension{hop.bind("s1", true), target.bind("s2", false)}, "work"},
		{"another host", []wire.Extension{hop.bind("s", false)}, "first"},
		{"behind it: who knows where to", []wire.Extension{target.bind("s", true)}, "first"},
		{"nothing bound", nil, "first"},
		{"a bind failed", []wire.Extension{target.bind("s", false), broken}, "first"},
	} {
		if first := r.firstListed(t, test.binds...); first != test.want {
			t.Errorf("%s: %s comes first", test.name, first)
		}
	}
}

// TestOrderKeepsToTheConstraints: what worked somewhere is still hidden where
// the key may not go.
func TestOrderKeepsToTheConstraints(t *testing.T) {
	r := newLearningRig(t, allowAll)
	target, other := newHost(t), newHost(t)
	r.destinationOf(t, loginData("s", "git", r.source.Info().Blob, target.blob()), target.bind("s", false))
	info := r.source.Info()
	info.Destinations = []keys.DestinationConstraint{{To: keys.Hop{Host: "other", Keys: []keys.HopKey{{Key: other.signer.PublicKey()}}}}}
	r.server.Ring = keys.NewRing(fixed{info})
	listed := func(binds ...wire.Extension) int {
		c := r.connect()
		for _, bind := range binds {
			c.ask(bind)
		}
		return len(c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer).Identities)
	}
	if at, elsewhere := listed(target.bind("s", false)), listed(other.bind("s", false)); at != 0 || elsewhere != 1 {
		t.Errorf("%d listed for the forbidden host, %d for the other", at, elsewhere)
	}
}

// fixed is a source that only lists.
type fixed struct{ info keys.Info }

func (fixed) Name() string                    { return "fixed" }
func (f fixed) List() []keys.Info             { return []keys.Info{f.info} }
func (f fixed) Find([]byte) (keys.Info, bool) { return f.info, true }
func (fixed) Sign(context.Context, *keys.Use, []byte, string) (*ssh.Signature, error) {
	return nil, keys.ErrNotFound
}
