package agent

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/wire"
)

// expired is what the person said: the keys with these fingerprints may not be used.
type expired map[string]bool

func (e expired) MayUse(_ context.Context, key keys.Info) error {
	if e[key.Fingerprint] {
		return problem.New("the key expired", "use another")
	}
	return nil
}

func (e expired) Digest() string { return "digest" }

// An expired key is listed, and refused before anybody is asked, also where a rule allows it.
func TestAnExpiredKeyIsRefused(t *testing.T) {
	said := expired{}
	r := newRigWith(t, func(c *Config) { c.Claims = said }, allowAll)
	data := gitData("commit")
	c := r.connect()
	if reply := c.ask(r.sign(data)); !r.verifies(reply, data) {
		t.Fatalf("before: %#v", reply)
	}
	said[r.source.Info().Fingerprint] = true
	if reply := c.ask(r.sign(data)); reply != wire.Failure {
		t.Errorf("after: %#v", reply)
	}
	if last := r.last(); last.Op != keys.OpSign || last.Decision != audit.Refused || last.Reason != "the key expired" || last.Remedy != "use another" {
		t.Errorf("%+v", last)
	}
	if list, ok := c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok || len(list.Identities) != 1 {
		t.Errorf("listed: %+v", list)
	}
}

func TestAnnotationsAreRecorded(t *testing.T) {
	now := time.Now()
	r := newRigWith(t, func(c *Config) { c.Claims, c.Now = expired{}, func() time.Time { return now } })
	claim := keys.Claim{Owner: "anna", Expires: now.UTC()}
	if err := r.server.Annotated(platform.Peer{}, r.source.Info(), claim, "after", true); err != nil {
		t.Fatal(err)
	}
	last := r.last()
	if last.Op != keys.OpAnnotate || last.Claims != "after" || !last.Claim.Same(claim) || !strings.HasPrefix(last.Reason, "from now on: owner anna, expires ") || !strings.HasSuffix(last.Reason, "it may be used longer") {
		t.Errorf("%+v", last)
	}
	if err := r.server.Pause(platform.Peer{}); err != nil || r.last().Claims != "digest" {
		t.Errorf("a pause has no digest: %v, %+v", err, r.last())
	}
	r.server.steps.bucket = bucket{spent: stepBurst, last: now}
	if err := r.server.Annotated(platform.Peer{}, r.source.Info(), claim, "", false); err != tooManySteps {
		t.Errorf("beyond the budget: %v", err)
	}
}
