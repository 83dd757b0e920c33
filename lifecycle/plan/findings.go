package plan

import (
	"fmt"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/lifecycle"
)

// Findings are what the plans of a store show: those that were begun and are not finished
// (row 22 of docs/lifecycle.md), and, where approvals are asked for, doors of an inventory
// that no approved plan opened (row 5).
func Findings(runs []*Run, places []lifecycle.Place, approvals Approvals, now time.Time) (list []lifecycle.Finding) {
	back := TakenBack(runs)
	for _, run := range runs {
		if back[run.Plan.ID] == "" {
			list = append(list, run.notFinished(now)...)
		}
	}
	if approvals.Need(Provision) {
		list = append(list, notApproved(runs, places)...)
	}
	return list
}

// TakenBack are the plans that others took back, by their identifiers. Such a plan does
// not go on: it would take away again what is restored.
func TakenBack(runs []*Run) map[string]string {
	by := map[string]string{}
	for _, run := range runs {
		for _, step := range run.Steps {
			if run.Plan.Kind == Restore && step.State != Waiting {
				by[run.Plan.Of] = run.Plan.ID
			}
		}
	}
	return by
}

// Open are the steps that failed or wait for something other than their time.
func (run *Run) Open(now time.Time) (open []*Step) {
	for i := range run.Steps {
		step := &run.Steps[i]
		if step.State != Done && (step.State != Waiting || !now.Before(run.Due(step))) {
			open = append(open, step)
		}
	}
	return open
}

func (run *Run) notFinished(now time.Time) []lifecycle.Finding {
	open := run.Open(now)
	if len(open) == 0 {
		return nil
	}
	f := lifecycle.Finding{Kind: "plan-not-finished", Row: 22, Severity: lifecycle.Warning, Fingerprint: run.Plan.Key.Fingerprint, Remedy: "keybroker apply --resume " + run.Plan.ID}
	if at := open[0].Place; at >= 0 {
		f.Host, f.Account = run.Plan.Places[at].Host, run.Plan.Places[at].Account
	}
	f.What = fmt.Sprintf("the plan %s (%s) lacks the proof of %s, first %s", run.Plan.ID, run.Plan.Kind, keys.Counted(len(open), "step"), run.Say(*open[0]))
	return []lifecycle.Finding{f}
}

// opened is a door that a plan opened.
type opened struct{ host, account, key string }

func notApproved(runs []*Run, places []lifecycle.Place) (list []lifecycle.Finding) {
	approved := map[opened]bool{}
	for _, run := range runs {
		for _, step := range run.Steps {
			if len(run.Approved.Approvals) > 0 && step.State == Done && (step.Kind == StepAdd || step.Kind == StepRestore) {
				approved[opened{step.Host.Key, run.accountOf(step), run.Plan.keyOf(step.Kind).Fingerprint}] = true
			}
		}
	}
	for _, place := range places {
		target := Target{place.Account, place.Host.Name, place.Host.Port}.String()
		if _, err := ParseTarget(target); err != nil || place.Host.Key == "" || approved[opened{place.Host.Key, place.Account, place.Fingerprint}] {
			continue
		}
		list = append(list, lifecycle.Finding{
			Kind: "not-approved", Row: 5, Severity: lifecycle.Info, Fingerprint: place.Fingerprint, Host: place.Host, Account: place.Account, Path: place.File,
			What:   fmt.Sprintf("line %d: no approved plan of this store brought the key in", place.Line),
			Remedy: fmt.Sprintf("let it be approved: keybroker plan provision %s %s; or: keybroker terminate %[1]s %[2]s", place.Fingerprint, target),
		})
	}
	return list
}

// accountOf is the account that was met; a plan may leave it to ssh_config.
func (run *Run) accountOf(step Step) string {
	for _, other := range run.at(step.Place) {
		for _, proof := range other.Proofs {
			return proof.Account
		}
	}
	if step.Place < 0 {
		return ""
	}
	return run.Plan.Places[step.Place].Account
}
