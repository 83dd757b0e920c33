package plan

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/lifecycle"
)

func TestProvision(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", Line(ownKey)+" me")
	p := g.plan(Provision, "web1")
	p.Options, p.Comment = []string{"restrict", "pty"}, "anna"
	run := g.run(t, p)
	wantStates(t, run, 0, "add done", "prove done")
	if want := Line(ownKey) + " me\nrestrict,pty " + Line(newKey) + " anna\n"; g.text(t, "web1") != want {
		t.Errorf("%s", g.text(t, "web1"))
	}
	proof := stepOf(t, run, StepProve).Proofs[0]
	if !proof.After.Accepted || proof.LetIn != newKey.Fingerprint || !strings.HasSuffix(proof.LetInBy, "authorized_keys:2") || len(proof.Records) == 0 {
		t.Errorf("proof: %+v", proof)
	}
	if again := g.run(t, g.planLike(p)); stepOf(t, again, StepAdd).Why != "the key is there already" {
		t.Errorf("again: %+v", again.Steps)
	}
}

// planLike is the same plan under another identifier.
func (g *rig) planLike(p Plan) Plan {
	q := p
	q.ID = New(p.Kind, p.Key, p.By, g.now).ID
	return q
}

func TestProvisionWithOtherOptionsStops(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", Line(ownKey), `from="10.0.0.1" `+Line(newKey))
	p := g.plan(Provision, "web1")
	p.Options = []string{"restrict"}
	run := g.run(t, p)
	wantStates(t, run, 0, "add stopped", "prove waiting")
	if why := stepOf(t, run, StepAdd).Why; !strings.Contains(why, `:2 has the key with other options (from="10.0.0.1")`) {
		t.Error(why)
	}
}

func TestRotate(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", "# mine", `from="10.0.0.0/8" `+Line(oldKey)+" a", Line(ownKey), Line(oldKey)+" b")
	run := g.run(t, g.plan(Rotate, "web1"))
	wantStates(t, run, 0, "add done", "prove done", "switch done", "quarantine done", "remove waiting")
	wantStates(t, run, -1, "git done")
	want := "# mine\n# quarantined by keybroker (" + run.Plan.ID + `): from="10.0.0.0/8" ` + Line(oldKey) + " a\n" + Line(ownKey) +
		"\n# quarantined by keybroker (" + run.Plan.ID + "): " + Line(oldKey) + " b\n" + `from="10.0.0.0/8" ` + Line(newKey) + "\n" + Line(newKey) + "\n"
	if g.text(t, "web1") != want {
		t.Errorf("%s\nwant\n%s", g.text(t, "web1"), want)
	}
	proof := stepOf(t, run, StepQuarantine).Proofs[0]
	if !proof.Before.Accepted || proof.After.Accepted || proof.LetIn != newKey.Fingerprint || len(proof.Lines) != 2 || proof.SHA256[1] != sum([]byte(want)) || proof.Reason != "" {
		t.Errorf("proof: %+v", proof)
	}

	// too early, then due
	run = g.resume(t, run.Plan.ID)
	wantStates(t, run, 0, "add done", "prove done", "switch done", "quarantine done", "remove waiting")
	g.now = g.now.Add(31 * 24 * time.Hour)
	run = g.resume(t, run.Plan.ID)
	wantStates(t, run, 0, "add done", "prove done", "switch done", "quarantine done", "remove done")
	if got := g.text(t, "web1"); strings.Contains(got, Line(oldKey)) || !strings.HasPrefix(got, "# mine\n"+Line(ownKey)+"\n") {
		t.Errorf("%s", got)
	}
	if !run.Finished() {
		t.Error("not finished")
	}
	if proof := stepOf(t, run, StepRemove).Proofs[0]; !proof.Before.Accepted || proof.After.Accepted {
		t.Errorf("proof: %+v", proof)
	}
}

func TestRotateBack(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", "# mine", `from="10.0.0.0/8" `+Line(oldKey)+" a", Line(ownKey))
	before := g.text(t, "web1")
	run := g.run(t, g.plan(Rotate, "web1"))
	back := g.run(t, g.back(run))
	wantStates(t, back, 0, "restore done", "switch-back done", "withdraw done")
	if g.text(t, "web1") != before {
		t.Errorf("%s\nwant\n%s", g.text(t, "web1"), before)
	}
	stones, err := g.store.Tombstones(t.Context())
	if err != nil || len(stones) != 1 || stones[0].Restored.IsZero() {
		t.Errorf("tombstones: %+v, %v", stones, err)
	}
}

// back is the plan that takes another one back.
func (g *rig) back(run *Run) Plan {
	p := New(Restore, run.Plan.Key, Requester{Actor: "anna@laptop"}, g.now)
	p.Of, p.OfKind, p.New, p.Places = run.Plan.ID, run.Plan.Kind, run.Plan.New, run.Plan.Places
	return p
}

// The old key stays wherever the new one is not proved.
func TestRotateKeepsTheOldKeyWhereTheNewIsNotProved(t *testing.T) {
	g := newRig(t, t.TempDir())
	for _, host := range []string{"web1", "web2", "web3"} {
		g.host(t, host, Line(oldKey), Line(ownKey))
	}
	g.w.down["web2"] = true
	run := g.run(t, g.plan(Rotate, "web1", "web2", "web3"))
	wantStates(t, run, 0, "add done", "prove done", "switch done", "quarantine done", "remove waiting")
	wantStates(t, run, 1, "add waiting", "prove waiting", "switch waiting", "quarantine waiting", "remove waiting")
	wantStates(t, run, -1, "git waiting")
	if why := stepOf(t, run, StepGit).Why; why != "deploy@web2 has not proved the new key yet" {
		t.Error(why)
	}
	if g.text(t, "web2") != Line(oldKey)+"\n"+Line(ownKey)+"\n" {
		t.Error("web2 was changed")
	}
	g.w.down["web2"], g.w.denied[newKey.Fingerprint] = false, true
	run = g.resume(t, run.Plan.ID)
	wantStates(t, run, 1, "add done", "prove waiting", "switch waiting", "quarantine waiting", "remove waiting")
	if !strings.HasPrefix(g.text(t, "web2"), Line(oldKey)+"\n") {
		t.Error("the old key went although the new one was not proved")
	}
	g.w.denied[newKey.Fingerprint] = false
	run = g.resume(t, run.Plan.ID)
	wantStates(t, run, 1, "add done", "prove done", "switch done", "quarantine done", "remove waiting")
	wantStates(t, run, -1, "git done")
}

func TestTerminateAndRestore(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", Line(oldKey)+" a", Line(ownKey), "restrict "+Line(oldKey)+" b")
	before := g.text(t, "web1")
	run := g.run(t, g.plan(Terminate, "web1"))
	wantStates(t, run, 0, "quarantine done", "remove waiting")
	if step := stepOf(t, run, StepQuarantine); len(step.Proofs[0].Lines) != 2 || step.Proofs[0].LetIn != ownKey.Fingerprint && step.Proofs[0].LetIn != newKey.Fingerprint {
		t.Errorf("%+v", step)
	}
	stones, err := g.store.Tombstones(t.Context())
	if err != nil || len(stones) != 1 || stones[0].Fingerprint != oldKey.Fingerprint || stones[0].Plan != run.Plan.ID {
		t.Errorf("tombstones: %+v, %v", stones, err)
	}
	back := g.run(t, g.back(run))
	wantStates(t, back, 0, "restore done")
	if g.text(t, "web1") != before {
		t.Errorf("%s", g.text(t, "web1"))
	}
}

func TestTheLastProvedDoorStaysOpen(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"alone":                    {[]string{Line(oldKey)}, "quarantine stopped"},
		"beside a stranger's":      {[]string{Line(oldKey), Line(otherKey)}, "quarantine stopped"},
		"beside one that is dead":  {[]string{Line(oldKey), "bogus " + Line(ownKey)}, "quarantine stopped"},
		"beside a key of the user": {[]string{Line(oldKey), Line(ownKey)}, "quarantine done"},
	} {
		g := newRig(t, t.TempDir())
		g.host(t, "web1", c.lines...)
		before := g.text(t, "web1")
		run := g.run(t, g.plan(Terminate, "web1"))
		wantStates(t, run, 0, c.want, "remove waiting")
		if c.want != "quarantine stopped" {
			continue
		}
		if why := stepOf(t, run, StepQuarantine).Why; why != errLastDoor.Error() || g.text(t, "web1") != before {
			t.Errorf("%s: %s\n%s", name, why, g.text(t, "web1"))
		}
		if stones, _ := g.store.Tombstones(t.Context()); len(stones) > 0 {
			t.Errorf("%s: the key is remembered as terminated", name)
		}
	}
}

// A server that no longer lets anybody in after the edit gets its file back.
func TestWayBack(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", Line(oldKey)+" a", Line(ownKey), Line(otherKey))
	before := g.text(t, "web1")
	g.Doors = g.Doors[2:]
	g.w.onEdit = func(string) { g.w.denied[ownKey.Fingerprint] = true }
	run := g.run(t, g.plan(Terminate, "web1"))
	wantStates(t, run, 0, "quarantine waiting", "remove waiting")
	if why := stepOf(t, run, StepQuarantine).Why; why != "after the change no other key got in: the lines are as they were" || g.text(t, "web1") != before {
		t.Errorf("%s\n%s", why, g.text(t, "web1"))
	}
	g.w.onEdit, g.w.denied = nil, map[string]bool{}
	wantStates(t, g.resume(t, run.Plan.ID), 0, "quarantine done", "remove waiting")
}

func TestStillOpen(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", Line(oldKey), Line(ownKey))
	g.w.liar = true
	run := g.run(t, g.plan(Terminate, "web1"))
	if step := stepOf(t, run, StepQuarantine); step.State != Stopped || !strings.Contains(step.Why, "its word proves nothing") {
		t.Errorf("%+v", step)
	}
	if len(g.w.edits) > 0 {
		t.Error("a server that lies was edited")
	}
}

// TestWhatWasNotSeenIsSaid: a line with from= in a file that cannot be read lets the key in
// elsewhere, whatever the server says here.
func TestWhatWasNotSeenIsSaid(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", Line(oldKey), Line(ownKey))
	g.host(t, "web2", Line(ownKey))
	g.w.unseen = []lifecycle.Unseen{{What: "authorized_keys", Why: "/etc/ssh/keys/deploy: permission denied"}}
	const said = "it may get in from other addresses by what could not be seen (authorized_keys: /etc/ssh/keys/deploy: permission denied)"
	run := g.run(t, g.plan(Terminate, "web1", "web2"))
	wantStates(t, run, 0, "quarantine done", "remove waiting")
	step := stepOf(t, run, StepQuarantine)
	if step.Why != said || len(step.Proofs) != 1 || len(step.Proofs[0].Unseen) != 1 || step.Proofs[0].Reason != "" {
		t.Errorf("%+v", step)
	}
	if why := run.at(1)[0].Why; why != "the key was not there; "+said {
		t.Error(why)
	}
	g = newRig(t, t.TempDir())
	g.host(t, "web1", Line(oldKey), Line(ownKey))
	if step := stepOf(t, g.run(t, g.plan(Terminate, "web1")), StepQuarantine); step.Why != "" || step.Proofs[0].Unseen != nil {
		t.Errorf("everything was seen: %+v", step)
	}
}

func TestAnotherHostKeyStops(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", Line(oldKey), Line(ownKey))
	p := g.plan(Terminate, "web1")
	p.Places[0].Host.Key = "SHA256:key-of-web1"
	g.w.hostKey = func(string) string { return "SHA256:another" }
	run := g.run(t, p)
	if step := stepOf(t, run, StepQuarantine); step.State != Stopped || !strings.Contains(step.Why, "the host key of deploy@web1 is SHA256:another") || len(g.w.edits) > 0 {
		t.Errorf("%+v", step)
	}
	g.w.hostKey = nil
	wantStates(t, g.resume(t, p.ID), 0, "quarantine done", "remove waiting")
	// Met once, it is pinned for the steps that follow.
	g.now = g.now.Add(31 * 24 * time.Hour)
	g.w.hostKey = func(string) string { return "SHA256:another" }
	wantStates(t, g.resume(t, p.ID), 0, "quarantine done", "remove stopped")
}

func TestTerminateNow(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", Line(oldKey), Line(ownKey), Line(oldKey))
	g.host(t, "web2", Line(oldKey), Line(ownKey))
	g.host(t, "nas", Line(oldKey), Line(ownKey))
	g.host(t, "nas/read-only")
	g.w.down["web2"] = true
	p := g.plan(Terminate, "web1", "web2", "nas")
	p.Now = true
	run := g.run(t, p)
	wantStates(t, run, 0, "remove done")
	wantStates(t, run, 1, "remove waiting")
	wantStates(t, run, 2, "remove stopped")
	if g.text(t, "web1") != Line(ownKey)+"\n" {
		t.Error(g.text(t, "web1"))
	}
	g.w.down["web2"] = false
	wantStates(t, g.resume(t, p.ID), 1, "remove done")
}

// A door that was opened again during the quarantine stays open, unless the key was to
// open nothing any more.
func TestADoorThatWasOpenedAgain(t *testing.T) {
	for everywhere, want := range map[bool]string{false: Line(ownKey) + "\nrestrict " + Line(oldKey) + "\n", true: Line(ownKey) + "\n"} {
		g := newRig(t, t.TempDir())
		g.host(t, "web1", Line(oldKey)+" a", Line(ownKey))
		p := g.plan(Terminate, "web1")
		p.Everywhere = everywhere
		g.run(t, p)
		path := filepath.Join(g.w.dir, "web1", "authorized_keys")
		if err := os.WriteFile(path, []byte(g.text(t, "web1")+"restrict "+Line(oldKey)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		g.now = g.now.Add(31 * 24 * time.Hour)
		run := g.resume(t, p.ID)
		wantStates(t, run, 0, "quarantine done", "remove done")
		if g.text(t, "web1") != want {
			t.Errorf("everywhere %v: %q", everywhere, g.text(t, "web1"))
		}
		if why := stepOf(t, run, StepRemove).Why; strings.Contains(why, path+":3, which stays") == everywhere {
			t.Errorf("everywhere %v: %q", everywhere, why)
		}
	}
}

func TestAMissingBrokerIsSaid(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", Line(oldKey), Line(ownKey))
	g.Record = func(context.Context, audit.Step) (uint64, string, error) { return 0, "", errors.New("no broker") }
	run := g.run(t, g.plan(Terminate, "web1"))
	wantStates(t, run, 0, "quarantine done", "remove waiting")
	if err := g.Unrecorded(); err == nil || err.Error() != "no broker" {
		t.Error(err)
	}
}

func TestAPlanIsCarriedOutOnce(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", Line(oldKey), Line(ownKey))
	p := g.plan(Terminate, "web1")
	p.Now = true
	g.run(t, p)
	for want, change := range map[string]func() (Plan, string){
		"was applied already$":     func() (Plan, string) { return p, "sum of " + p.ID },
		"another plan with the id": func() (Plan, string) { return p, "another sum" },
		"expired at":               func() (Plan, string) { q := g.planLike(p); q.Expires = g.now.Add(-time.Second); return q, "x" },
	} {
		q, sum := change()
		if _, err := g.Begin(t.Context(), q, Approved{SHA256: sum}); err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
