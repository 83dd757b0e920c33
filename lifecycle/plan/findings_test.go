package plan

import (
	"slices"
	"testing"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
)

func kindsOf(findings []lifecycle.Finding) (kinds []string) {
	for _, f := range findings {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}

// Row 22: a plan that waits for a host is named until it is done, and not while only its
// quarantine runs; nor is one that was taken back.
func TestPlansThatAreNotFinished(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", Line(oldKey), Line(ownKey))
	g.w.down["web1"] = true
	run := g.run(t, g.plan(Terminate, "web1"))
	findings := Findings([]*Run{run}, nil, Approvals{}, g.now)
	if len(findings) != 1 || findings[0].Row != 22 || findings[0].Remedy != "keybroker apply --resume "+run.Plan.ID || findings[0].Host.Name != "web1" {
		t.Fatalf("%+v", findings)
	}
	g.w.down["web1"] = false
	run = g.resume(t, run.Plan.ID)
	if findings := Findings([]*Run{run}, nil, Approvals{}, g.now); len(findings) != 0 {
		t.Errorf("%+v", findings)
	}
	later := g.now.Add(31 * 24 * time.Hour)
	if findings := Findings([]*Run{run}, nil, Approvals{}, later); len(findings) != 1 {
		t.Errorf("after the quarantine: %+v", findings)
	}
	back := g.run(t, g.back(run))
	if findings := Findings([]*Run{run, back}, nil, Approvals{}, later); len(findings) != 0 || TakenBack([]*Run{run, back})[run.Plan.ID] != back.Plan.ID {
		t.Errorf("taken back: %+v", findings)
	}
}

// Row 5: only a plan with approvals makes a door an approved one, and only where they are asked for.
func TestDoorsThatNobodyApproved(t *testing.T) {
	g := newRig(t, t.TempDir())
	g.host(t, "web1", Line(ownKey))
	run := g.run(t, g.plan(Provision, "web1"))
	host := lifecycle.Host{Name: "web1", Key: "SHA256:key-of-web1"}
	places := []lifecycle.Place{
		{Host: host, Account: "deploy", Fingerprint: newKey.Fingerprint, Line: 2},
		{Host: host, Account: "root", Fingerprint: newKey.Fingerprint, Line: 1},
	}
	asked := Approvals{Needed: 1, Kinds: []Kind{Provision}}
	if got := kindsOf(Findings([]*Run{run}, places, asked, g.now)); !slices.Equal(got, []string{"not-approved", "not-approved"}) {
		t.Errorf("%q", got)
	}
	run.Approved.Approvals = []Approval{{Name: "bob"}}
	findings := Findings([]*Run{run}, places, asked, g.now)
	if len(findings) != 1 || findings[0].Account != "root" || findings[0].Row != 5 {
		t.Errorf("%+v", findings)
	}
	if findings := Findings([]*Run{run}, places, Approvals{}, g.now); len(findings) != 0 {
		t.Errorf("%+v", findings)
	}
}
