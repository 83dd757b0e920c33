package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/lifecycle/forge"
	"github.com/keybroker/keybroker/problem"
)

// A forge has no lines that could be commented out: a key is deleted there, and the way
// back adds it again. Its own list before and after is the proof. The token is the door
// that stays open.

// checkForge refuses a place whose address is not the one that people see.
func checkForge(place Place) error {
	kind, address, _ := strings.Cut(place.Forge, " ")
	if !slices.Contains(forge.Kinds, kind) || address == "" || address != place.Target || place.Host.Name == "" {
		return problem.With(fmt.Errorf("%.100q is not a forge", place.Forge), "make the plan anew")
	}
	return nil
}

// atForge takes the steps of an account at a forge.
func (r *Runner) atForge(ctx context.Context, run *Run, at int) {
	f, err := r.OpenForge(ctx, run.Plan.Places[at])
	r.inOrder(ctx, run, at, func(step *Step) error {
		if err != nil {
			return err
		}
		return r.takeAtForge(ctx, run, step, f)
	})
}

// takeAtForge does one step. Like take, it looks first at what is there.
func (r *Runner) takeAtForge(ctx context.Context, run *Run, step *Step, f *forge.Forge) error {
	switch step.Kind {
	case StepAdd:
		return r.addAtForge(ctx, run, step, f)
	case StepProve:
		return r.proveAtForge(ctx, run, step, f)
	case StepSwitch:
		return r.switchSSH(ctx, run, step)
	case StepSwitchBack:
		return r.switchBack(ctx, run, step, StepSwitch)
	case StepRemove:
		return r.removeAtForge(ctx, run, step, f)
	case StepRestore:
		return r.restoreAtForge(ctx, run, step, f)
	case StepWithdraw:
		if added, err := r.linesOf(ctx, run, step, StepAdd); err != nil || len(added) == 0 {
			step.Why = "the plan added no key here"
			return err
		}
		return r.removeAtForge(ctx, run, step, f)
	}
	return stop(fmt.Errorf("the step %.30q is not known", step.Kind))
}

// addAtForge adds the new key, once.
func (r *Runner) addAtForge(ctx context.Context, run *Run, step *Step, f *forge.Forge) error {
	list, err := f.List(ctx)
	if err != nil {
		return err
	}
	there := len(listed(list, run.Plan.keyOf(StepAdd))) > 0
	if len(step.Added) == 0 {
		line, err := newAtForge(&run.Plan, f, list)
		if err != nil {
			return err
		}
		if there {
			step.Why = "the key is there already"
			return nil
		}
		step.Added = []Addition{{f.Name(), line}}
		if err := r.doing(ctx, run, step); err != nil {
			return err
		}
	}
	if !there {
		err = addLine(ctx, f, step.Added[0].Text)
	}
	if ends := (authorized.Line{Options: run.Plan.Options}).Expires(); !ends.IsZero() && !f.KeepsExpiry() {
		step.Why = "the forge keeps no expiry of a key"
	}
	return err
}

// proveAtForge looks whether the forge lists the new key.
func (r *Runner) proveAtForge(ctx context.Context, run *Run, step *Step, f *forge.Forge) error {
	proof := r.forgeProof(run, step, f)
	var err error
	if proof.After, err = r.look(ctx, f, run.Plan.keyOf(StepProve)); err != nil {
		return err
	}
	step.Proofs = []lifecycle.Proof{proof}
	if !proof.After.Accepted {
		return fmt.Errorf("%s does not list the new key", f.Host())
	}
	return nil
}

// removeAtForge deletes the key, and looks again.
func (r *Runner) removeAtForge(ctx context.Context, run *Run, step *Step, f *forge.Forge) error {
	key := run.Plan.keyOf(step.Kind)
	list, err := f.List(ctx)
	if err != nil {
		return err
	}
	found := listed(list, key)
	if len(step.Proofs) == 0 {
		if len(found) == 0 {
			step.Why = "the key was not there"
			return nil
		}
		proof := r.forgeProof(run, step, f)
		proof.Before = r.said(found)
		step.Proofs, step.Taken = []lifecycle.Proof{proof}, nil
		for _, k := range found {
			line, err := forgeLine(key, f, k.Title, k.Expires)
			if err != nil {
				return err
			}
			step.Taken = append(step.Taken, Addition{f.Name(), line})
		}
		if err := r.doing(ctx, run, step); err != nil {
			return err
		}
	}
	for _, k := range found {
		if err := f.Delete(ctx, k.ID); err != nil {
			return err
		}
	}
	proof := &step.Proofs[0]
	if proof.After, err = r.look(ctx, f, key); err != nil {
		return err
	}
	if proof.After.Accepted {
		return stop(problem.New("STILL OPEN: the forge lists the key after it said that the key is deleted", "delete it on the forge's own page, then resume the plan"))
	}
	return nil
}

// restoreAtForge adds the key again that the plan deleted.
func (r *Runner) restoreAtForge(ctx context.Context, run *Run, step *Step, f *forge.Forge) error {
	key := run.Plan.Key
	before, err := r.look(ctx, f, key)
	if err != nil {
		return err
	}
	taken, err := r.linesOf(ctx, run, step, StepRemove)
	if err != nil {
		return err
	}
	switch {
	case before.Accepted && step.State != Doing:
		step.Why = "the key is there"
		return nil
	case len(taken) == 0:
		step.Why = "the plan deleted no key here"
		return nil
	}
	if err := r.doing(ctx, run, step); err != nil {
		return err
	}
	if !before.Accepted {
		if err := addLine(ctx, f, taken[0].Text); err != nil {
			return err
		}
	}
	proof := r.forgeProof(run, step, f)
	if proof.After, err = r.look(ctx, f, key); err != nil {
		return err
	}
	step.Proofs = []lifecycle.Proof{proof}
	if !proof.After.Accepted {
		return fmt.Errorf("%s does not list the key", f.Host())
	}
	return nil
}

// linesOf are what a step of the plan that is restored added or took away at this place.
// They come from the store: a line of another key does not count.
func (r *Runner) linesOf(ctx context.Context, run *Run, step *Step, kind StepKind) (lines []Addition, err error) {
	of, err := Load(ctx, r.Keeper, run.Plan.Of)
	if err != nil {
		return nil, stop(fmt.Errorf("the plan %s: %w", run.Plan.Of, err))
	}
	key := run.Plan.keyOf(step.Kind)
	for _, other := range of.Steps {
		if other.Kind == kind && r.samePlace(run, step, of, other) {
			lines = slices.Concat(lines, other.Added, other.Taken)
		}
	}
	return slices.DeleteFunc(lines, func(a Addition) bool { return len(authorized.Parse([]byte(a.Text)).With(key.Blob)) != 1 }), nil
}
