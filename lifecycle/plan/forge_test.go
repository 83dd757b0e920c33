package plan

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/forge"
	"github.com/keybroker/keybroker/lifecycle/forge/forgetest"
)

// withForge starts a forge of a kind with the keys of the account.
func (g *rig) withForge(t *testing.T, kind forge.Kind, lines ...string) (*forgetest.Forge, Place) {
	t.Helper()
	f := forgetest.Start()
	t.Cleanup(f.Close)
	for _, line := range lines {
		f.Add("title", line, "")
	}
	return f, g.forgeAt(kind, f.URL)
}

// forgeAt makes the rig know a forge.
func (g *rig) forgeAt(kind forge.Kind, address string) Place {
	g.OpenForge = func(context.Context, Place) (*forge.Forge, error) {
		g.w.step("forge")
		return forge.New(kind, address, forgetest.Token)
	}
	return Place{Target: address, Host: lifecycle.Host{Name: "127.0.0.1"}, Forge: string(kind) + " " + address}
}

func TestTerminateAtAForge(t *testing.T) {
	g := newRig(t, t.TempDir())
	f, place := g.withForge(t, forge.Gitea, Line(oldKey), Line(otherKey))
	p := g.plan(Terminate)
	p.Places = []Place{place}
	if err := g.Preview(t.Context(), &p); err != nil || !slices.Equal(p.Places[0].Diff, []string{"keys of the account: - " + Line(oldKey) + " title"}) || len(f.Keys()) != 2 {
		t.Fatalf("%q, %v", p.Places[0].Diff, err)
	}
	run := g.run(t, p)
	wantStates(t, run, 0, "remove done")
	if got := f.Keys(); !slices.Equal(got, []string{Line(otherKey) + " title"}) {
		t.Errorf("%q", got)
	}
	proof := stepOf(t, run, StepRemove).Proofs[0]
	if !proof.Before.Accepted || proof.Before.Said != "number 7, title, last used 2026-11-22" || proof.After.Accepted || proof.After.Time.IsZero() || proof.Forge != place.Forge || len(proof.Records) != 2 {
		t.Errorf("%+v", proof)
	}
	if last := g.records[len(g.records)-1]; last.Host != "127.0.0.1" || last.State != "done" || last.Detail != place.Forge+": before listed, after not listed" || last.Fingerprint != oldKey.Fingerprint {
		t.Errorf("%+v", last)
	}
	if stones, err := g.store.Tombstones(t.Context()); err != nil || len(stones) != 1 {
		t.Errorf("%v, %v", stones, err)
	}
	if said := run.Say(run.Steps[0]); !strings.HasSuffix(said, ": removal: done; before: listed, after: not listed") {
		t.Error(said)
	}

	// and back, under its title
	back := g.run(t, g.back(run))
	wantStates(t, back, 0, "restore done")
	if got := f.Keys(); !slices.Contains(got, Line(oldKey)+" title") {
		t.Errorf("%q", got)
	}
	if stones, _ := g.store.Tombstones(t.Context()); len(stones) != 1 || stones[0].Restored.IsZero() {
		t.Errorf("%v", stones)
	}
}

func TestRotateAtAForge(t *testing.T) {
	g := newRig(t, t.TempDir())
	f, place := g.withForge(t, forge.GitLab)
	f.Add("laptop", Line(oldKey), "2027-01-31T00:00:00Z")
	p := g.plan(Rotate)
	p.Places, p.Comment = []Place{place}, "new keybroker"
	run := g.run(t, p)
	wantStates(t, run, 0, "add done", "prove done", "switch done", "remove done")
	if got := f.Keys(); !slices.Equal(got, []string{Line(newKey) + " new keybroker"}) {
		t.Errorf("%q", got)
	}
	if add := stepOf(t, run, StepAdd).Added; len(add) != 1 || !strings.HasPrefix(add[0].Text, `expiry-time="20270131000000Z" `) {
		t.Errorf("the new key has not the expiry of the old one: %+v", add)
	}
	if proof := stepOf(t, run, StepProve).Proofs[0]; !proof.After.Accepted || proof.Fingerprint != newKey.Fingerprint {
		t.Errorf("%+v", proof)
	}
	back := g.run(t, g.back(run))
	wantStates(t, back, 0, "restore done", "switch-back done", "withdraw done")
	if got := f.Keys(); !slices.Equal(got, []string{Line(oldKey) + " laptop"}) {
		t.Errorf("%q", got)
	}
}

// The old key stays where the new one was not added; nothing is withdrawn that was there before.
func TestRotateAtAForgeInOrder(t *testing.T) {
	g := newRig(t, t.TempDir())
	f, place := g.withForge(t, forge.GitHub, Line(oldKey))
	p := g.plan(Rotate)
	p.Places = []Place{place}
	f.Fail(true)
	run := g.run(t, p)
	wantStates(t, run, 0, "add waiting", "prove waiting", "switch waiting", "remove waiting")
	if why := stepOf(t, run, StepAdd).Why; why != "127.0.0.1 refuses: 503 Service Unavailable: down for maintenance" {
		t.Error(why)
	}
	f.Fail(false)
	f.Add("mine", Line(newKey), "")
	run = g.resume(t, run.Plan.ID)
	wantStates(t, run, 0, "add done", "prove done", "switch done", "remove done")
	back := g.run(t, g.back(run))
	wantStates(t, back, 0, "restore done", "switch-back done", "withdraw done")
	if got := f.Keys(); !slices.Equal(got, []string{Line(newKey) + " mine", Line(oldKey) + " title"}) {
		t.Errorf("%q", got)
	}
}

// A forge that says yes and keeps the key is not believed.
func TestStillOpenAtAForge(t *testing.T) {
	g := newRig(t, t.TempDir())
	f, place := g.withForge(t, forge.Gitea, Line(oldKey))
	f.KeepKeys(true)
	p := g.plan(Terminate)
	p.Places = []Place{place}
	run := g.run(t, p)
	wantStates(t, run, 0, "remove stopped")
	if why := stepOf(t, run, StepRemove).Why; !strings.HasPrefix(why, "STILL OPEN: ") {
		t.Error(why)
	}
	f.KeepKeys(false)
	wantStates(t, g.resume(t, run.Plan.ID), 0, "remove done")
}

// The way back adds no key but the one of the plan, whatever the store says.
func TestRestoreAtAForgeAddsItsKeyAlone(t *testing.T) {
	g := newRig(t, t.TempDir())
	f, place := g.withForge(t, forge.Gitea, Line(oldKey))
	p := g.plan(Terminate)
	p.Places = []Place{place}
	run := g.run(t, p)
	step := stepOf(t, run, StepRemove)
	step.Taken = []Addition{{place.Forge, Line(otherKey) + " x"}}
	if err := g.save(t.Context(), run, &step); err != nil {
		t.Fatal(err)
	}
	back := g.run(t, g.back(run))
	if got := f.Keys(); len(got) != 0 || stepOf(t, back, StepRestore).Why != "the plan deleted no key here" {
		t.Errorf("%q, %+v", got, back.Steps)
	}
}

// Began: a forge takes a key again, but not one that was to go at once.
func TestAForgeTakesAKeyBack(t *testing.T) {
	for now, want := range map[bool]Touched{false: Changed, true: GoneForGood} {
		g := newRig(t, t.TempDir())
		_, place := g.withForge(t, forge.Gitea, Line(oldKey))
		p := g.plan(Terminate)
		p.Places, p.Now = []Place{place}, now
		if got := g.run(t, p).Began(0); got != want {
			t.Errorf("now %v: %v", now, got)
		}
	}
}

func TestForgesOfPlans(t *testing.T) {
	good := Place{Target: "https://git.example.com", Host: lifecycle.Host{Name: "git.example.com"}, Forge: "gitea https://git.example.com"}
	p := New(Terminate, oldKey, Requester{}, time.Now())
	p.Places = []Place{good}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Place{
		{Target: "https://git.example.com", Host: good.Host, Forge: "gitea https://evil.example.com"},
		{Target: "https://git.example.com", Host: good.Host, Forge: "cvs https://git.example.com"},
		{Target: "https://git.example.com", Host: good.Host, Forge: "gitea"},
		{Target: "https://git.example.com", Forge: "gitea https://git.example.com"},
	} {
		p.Places = []Place{bad}
		if p.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
