package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/lifecycle/plan/clientconfig"
	"github.com/keybroker/keybroker/problem"
)

// Touched is how far a plan went at a place.
type Touched int

// How far a plan went at a place.
const (
	NotTouched  Touched = iota
	Changed             // it can be taken back
	GoneForGood         // the old lines are gone
)

// Began returns how far the run went at a place.
func (run *Run) Began(at int) Touched {
	far := NotTouched
	for _, step := range run.at(at) {
		if step.State != Waiting && step.Kind != StepProve {
			far = Changed
		}
		back := run.Plan.Places[at].Forge != "" && !run.Plan.Now // a forge takes the key again
		if step.Kind == StepRemove && (step.State == Done || step.State == Doing) && !back {
			return GoneForGood
		}
	}
	return far
}

// switchSSH makes ssh_config name the new key for the host. What it will change is
// saved first, so that the way back knows it after any interruption.
func (r *Runner) switchSSH(ctx context.Context, run *Run, step *Step) error {
	p := &run.Plan
	host, err := p.Places[step.Place].sshHost()
	if err != nil {
		return stop(err)
	}
	return r.change(ctx, run, step, func(dry bool) ([]clientconfig.Change, error) {
		return r.Machine.SwitchSSH(ctx, host, p.Key, *p.New, dry)
	})
}

func (r *Runner) change(ctx context.Context, run *Run, step *Step, do func(dry bool) ([]clientconfig.Change, error)) error {
	r.config.Lock()
	defer r.config.Unlock()
	if step.State != Doing {
		planned, err := do(true)
		if err != nil {
			return stop(err)
		}
		if len(planned) == 0 {
			step.Why = "it does not name the old key"
			return nil
		}
		step.Changes, step.State = planned, Doing
		if err := r.save(ctx, run, step); err != nil {
			return err
		}
	}
	done, err := do(false)
	if err == nil && len(done) > 0 {
		step.Changes = done
	}
	return err
}

// git switches git once every place has proved the new key.
func (r *Runner) git(ctx context.Context, run *Run) error {
	step := run.next(-1)
	if step == nil {
		return nil
	}
	err := r.takeGit(ctx, run, step)
	if err == nil {
		return r.done(ctx, run, step)
	}
	r.fail(ctx, run, step, err)
	return nil
}

func (r *Runner) takeGit(ctx context.Context, run *Run, step *Step) error {
	p := &run.Plan
	if p.Kind == Restore {
		return r.switchBack(ctx, run, step, StepGit)
	}
	for _, other := range run.Steps {
		if other.Kind == StepProve && other.State != Done {
			return fmt.Errorf("%s has not proved the new key yet", p.Places[other.Place].Target)
		}
	}
	return r.change(ctx, run, step, func(dry bool) ([]clientconfig.Change, error) {
		return r.Machine.SwitchGit(ctx, p.Key, *p.New, dry)
	})
}

// switchBack takes back what a step of the plan that is restored changed on this
// machine.
func (r *Runner) switchBack(ctx context.Context, run *Run, step *Step, kind StepKind) error {
	of, err := Load(ctx, r.Keeper, run.Plan.Of)
	if err != nil {
		return stop(fmt.Errorf("the plan %s: %w", run.Plan.Of, err))
	}
	r.config.Lock()
	defer r.config.Unlock()
	for _, other := range of.Steps {
		if other.Kind == kind && r.samePlace(run, step, of, other) {
			if err := r.Machine.Undo(ctx, other.Changes); err != nil {
				return stop(err)
			}
		}
	}
	return nil
}

// samePlace reports whether two steps of two plans are at one place.
func (r *Runner) samePlace(run *Run, step *Step, of *Run, other Step) bool {
	if step.Place < 0 || other.Place < 0 {
		return step.Place == other.Place
	}
	return run.Plan.Places[step.Place].Target == of.Plan.Places[other.Place].Target
}

// restore lets the lines live again that the plan commented out.
func (r *Runner) restore(ctx context.Context, run *Run, step *Step, server Server) error {
	key := run.Plan.Key
	files, _, err := readable(ctx, server)
	if err != nil {
		return err
	}
	step.Proofs = nil
	with := filesQuarantined(files, key.Blob, run.Plan.Of)
	if len(with) == 0 && len(filesWith(files, key.Blob)) == 0 {
		return stop(problem.With(fmt.Errorf("no line of the key is there that %s commented out", run.Plan.Of), "bring the key in anew: keybroker provision"))
	}
	if err := r.doing(ctx, run, step); err != nil {
		return err
	}
	for _, file := range with {
		step.Proofs = append(step.Proofs, r.filled(run, step, server, proofsOf(run, step, files, file.Path, nil)[0]))
	}
	err = r.edit(ctx, step, server, with, func(f *authorized.File) []int { return f.Restore(key.Blob, run.Plan.Of) })
	if err != nil {
		return err
	}
	answer, err := server.Ask(ctx, key, r.Doors)
	if err != nil {
		return err
	}
	for i := range step.Proofs {
		step.Proofs[i].After, step.Proofs[i].LetIn, step.Proofs[i].LetInBy = answer.About, answer.LetIn, answer.LetInBy
	}
	if !answer.About.Accepted {
		step.Why = "the lines are back, and the server does not let the key in (its options, or the server's settings)"
	}
	return nil
}

func filesQuarantined(files []File, blob []byte, note string) (list []File) {
	for _, file := range files {
		if len(authorized.Parse(file.Data).Restore(blob, note)) > 0 {
			list = append(list, file)
		}
	}
	return list
}

// withdraw takes the lines out that the rotation added, if the old key gets in again.
func (r *Runner) withdraw(ctx context.Context, run *Run, step *Step, server Server) error {
	of, err := Load(ctx, r.Keeper, run.Plan.Of)
	if err != nil {
		return stop(fmt.Errorf("the plan %s: %w", run.Plan.Of, err))
	}
	var added []Addition
	for _, other := range of.Steps {
		if other.Kind == StepAdd && r.samePlace(run, step, of, other) {
			added = other.Added
		}
	}
	if len(added) == 0 {
		step.Why = "the plan added no line here"
		return nil
	}
	if run.Plan.New == nil {
		return stop(errors.New("the plan names no new key"))
	}
	return r.shut(ctx, run, step, server, func(f *authorized.File) []int {
		f.Lines = slices.DeleteFunc(f.Lines, func(line authorized.Line) bool {
			return slices.ContainsFunc(added, func(a Addition) bool { return string(trimEnd(line.Raw)) == a.Text })
		})
		return nil
	})
}

func trimEnd(raw []byte) []byte {
	for len(raw) > 0 && (raw[len(raw)-1] == '\n' || raw[len(raw)-1] == '\r') {
		raw = raw[:len(raw)-1]
	}
	return raw
}
