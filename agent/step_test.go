package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// A step is a note of what a program said, and counts for nothing else.
func TestRecordStep(t *testing.T) {
	r := newRig(t)
	peer := platform.Peer{User: "1000", Process: platform.Process{PID: 7, Name: "keybroker"}}
	mine := r.source.Info()
	step := audit.Step{Plan: "r-17", Step: "3", Kind: "quarantine", Fingerprint: mine.Fingerprint,
		Host: "web1\n{\"op\":\"sign\"}", Account: strings.Repeat("ä", 500), State: "done", Detail: "\x1b[2Jrefused"}
	record, err := r.server.RecordStep(peer, step)
	if err != nil {
		t.Fatal(err)
	}
	last := r.last()
	if last.Seq != record.Seq || last.Hash != record.Hash || last.Op != keys.OpLifecycle || last.Decision != audit.Note || last.Peer.PID != 7 ||
		last.Key.Name != mine.Name || last.Purpose != nil || last.Destination != nil || last.Digest != "" {
		t.Errorf("%+v", last)
	}
	if last.Step.Host != step.Host || len(last.Step.Account) > audit.MaxText || last.Reason != "plan r-17, step 3: done: \x1b[2Jrefused" {
		t.Errorf("%+v", last.Step)
	}
	if past := index(t, r).Past(&keys.Use{Key: mine}); !past.Known || !past.KeyUsed.IsZero() {
		t.Errorf("it counts as a use of the key: %+v", past)
	}
	for why, change := range map[string]func(*audit.Step){
		"the plan of a lifecycle step":  func(s *audit.Step) { s.Plan = "r 17" },
		"the step of a lifecycle step":  func(s *audit.Step) { s.Step = "" },
		"the kind of a lifecycle step":  func(s *audit.Step) { s.Kind = "sign\n" },
		"the state of a lifecycle step": func(s *audit.Step) { s.State = strings.Repeat("a", 33) },
		"is not the fingerprint":        func(s *audit.Step) { s.Fingerprint = "SHA256:short" },
	} {
		wrong := step
		change(&wrong)
		if _, err := r.server.RecordStep(peer, wrong); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v", why, err)
		}
	}
	if r.last().Seq != record.Seq {
		t.Error("a wrong step was recorded")
	}
}

func index(t *testing.T, r *rig) *audit.History {
	t.Helper()
	index := audit.NewIndex()
	index.Load(t.Context(), r.dir+"/audit")
	return index.History
}

func TestStepsHaveABudget(t *testing.T) {
	now := time.Now()
	r := newRigWith(t, func(c *Config) { c.Now = func() time.Time { return now } })
	r.server.steps.bucket = bucket{spent: stepBurst - 1, last: now}
	step := audit.Step{Plan: "p", Step: "1", Kind: "append", State: "done"}
	record := func() error { _, err := r.server.RecordStep(platform.Peer{}, step); return err }
	if err := record(); err != nil {
		t.Error(err)
	}
	if err := record(); err != tooManySteps {
		t.Errorf("beyond the budget: %v", err)
	}
	now = now.Add(stepRefill)
	if err := record(); err != nil {
		t.Errorf("later: %v", err)
	}
}
