package plan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/forge"
	"github.com/keybroker/keybroker/lifecycle/store"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Keeper is the store. *store.Store is one.
type Keeper interface {
	SavePlan(ctx context.Context, plan store.Plan) error
	SaveStep(ctx context.Context, plan string, step store.Step) error
	Plan(ctx context.Context, id string) (store.Plan, error)
	AddTombstone(ctx context.Context, stone lifecycle.Tombstone) error
	Tombstones(ctx context.Context) ([]lifecycle.Tombstone, error)
}

// Runner carries plans out.
type Runner struct {
	Keeper  Keeper
	Machine Machine
	// Reach calls do for each place, several at once, with the server or why it was not
	// reached. It returns when all are done.
	Reach func(ctx context.Context, places []Place, do func(ctx context.Context, at int, server Server, err error)) error
	// OpenForge opens the account of a place that is at a forge.
	OpenForge func(ctx context.Context, place Place) (*forge.Forge, error)
	// Record writes a step to the audit log. An error is told, and stops nothing: a
	// broker that does not run must not keep a stolen key in.
	Record func(ctx context.Context, step audit.Step) (seq uint64, hash string, err error)
	// Doors are the keys that this user can log in with.
	Doors []lifecycle.Key
	// Event tells of a step that has changed. It is called by one goroutine at a time.
	Event func(p *Plan, step Step)
	Now   func() time.Time
	Actor string // user@machine

	config sync.Mutex // of this machine: one file for all hosts

	mu         sync.Mutex // guards what follows, and Event
	unrecorded error      // the first error of Record
}

// Run is a plan and how far it is.
type Run struct {
	Plan   Plan   `json:"plan"`
	SHA256 string `json:"sha256"` // of the plan's file, in hex
	Steps  []Step `json:"steps"`

	Approved Approved        `json:"-"` // kept beside the plan
	doors    []lifecycle.Key // of the runner, for their names
}

// Load reads a run from the store. An unknown plan is store.ErrNone.
func Load(ctx context.Context, keeper Keeper, id string) (*Run, error) {
	saved, err := keeper.Plan(ctx, id)
	if err != nil {
		return nil, err
	}
	var body savedPlan
	if err := json.Unmarshal(saved.Body, &body); err != nil {
		return nil, fmt.Errorf("the plan %s in the store cannot be read: %w", id, err)
	}
	run := Run{Plan: body.Plan, SHA256: body.SHA256, Approved: body.Approved}
	for _, s := range saved.Steps {
		var step Step
		if err := json.Unmarshal(s.Body, &step); err != nil {
			return nil, fmt.Errorf("step %d of the plan %s cannot be read: %w", s.Number, id, err)
		}
		if step.Place >= len(run.Plan.Places) || step.Place < -1 {
			return nil, fmt.Errorf("step %d of the plan %s is at no place of it", s.Number, id)
		}
		run.Steps = append(run.Steps, step)
	}
	return &run, run.Plan.Check()
}

// savedPlan is a plan in the store.
type savedPlan struct {
	Plan Plan `json:"plan"`
	Approved
}

// Begin saves a new plan. One that is in the store already is an error: a plan is
// carried out once.
func (r *Runner) Begin(ctx context.Context, p Plan, approved Approved) (*Run, error) {
	if r.Now().After(p.Expires) {
		return nil, problem.New(fmt.Sprintf("the plan %s expired at %s", p.ID, p.Expires.Format(time.RFC3339)), "make it anew")
	}
	run := &Run{Plan: p, SHA256: approved.SHA256, Approved: approved}
	switch known, err := Load(ctx, r.Keeper, p.ID); {
	case err == nil && known.SHA256 != approved.SHA256:
		return nil, problem.New(fmt.Sprintf("another plan with the identifier %s was applied at %s", p.ID, known.Plan.Made.Format(time.RFC3339)), "make it anew")
	case err == nil && known.Finished():
		return nil, problem.New(fmt.Sprintf("the plan %s was applied already", p.ID), "make a new one if it is needed again")
	case err == nil:
		return nil, problem.New(fmt.Sprintf("the plan %s was applied already, and is not finished", p.ID), resumeCommand(&p))
	case !errors.Is(err, store.ErrNone):
		return nil, err
	}
	body, err := json.Marshal(savedPlan{p, approved})
	if err != nil {
		return nil, err
	}
	saved := store.Plan{ID: p.ID, Made: p.Made, Body: body}
	run.Steps = p.steps()
	for _, step := range run.Steps {
		body, err := json.Marshal(step)
		if err != nil {
			return nil, err
		}
		saved.Steps = append(saved.Steps, store.Step{Number: step.Number, Changed: r.Now(), Body: body})
	}
	return run, r.Keeper.SavePlan(ctx, saved)
}

// resumeCommand is what goes on with the plan.
func resumeCommand(p *Plan) string { return fmt.Sprintf("keybroker %s --resume %s", p.Kind, p.ID) }

// Finished reports whether every step is done.
func (run *Run) Finished() bool {
	for _, step := range run.Steps {
		if step.State != Done {
			return false
		}
	}
	return true
}

// Continue takes every step that can be taken now. It returns an error only when
// nothing can be known of the steps; what stopped stands in them.
func (r *Runner) Continue(ctx context.Context, run *Run) error {
	run.doors = r.Doors
	var places []Place
	var index []int
	for at := range run.Plan.Places {
		switch {
		case !r.somethingToDo(run, at):
		case run.Plan.Places[at].Forge != "":
			r.atForge(ctx, run, at)
		default:
			places, index = append(places, run.Plan.Places[at]), append(index, at)
		}
	}
	if len(places) > 0 {
		err := r.Reach(ctx, places, func(ctx context.Context, at int, server Server, err error) {
			r.place(ctx, run, index[at], server, err)
		})
		if err != nil {
			return err
		}
	}
	return r.git(ctx, run)
}

// Unrecorded is why steps are missing in the audit log, or nil.
func (r *Runner) Unrecorded() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unrecorded
}

// remember writes the tombstone before the first line goes, so that a killed program
// has not forgotten it.
func (r *Runner) remember(ctx context.Context, p *Plan, step *Step) error {
	if !p.Everywhere || step.Kind != StepQuarantine && step.Kind != StepRemove {
		return nil
	}
	return r.Keeper.AddTombstone(ctx, lifecycle.Tombstone{Fingerprint: p.Key.Fingerprint, Terminated: p.Made, By: p.By.Actor, Plan: p.ID})
}

// forgive notes in the tombstone that the key lives again.
func (r *Runner) forgive(ctx context.Context, p *Plan) error {
	stones, err := r.Keeper.Tombstones(ctx)
	if err != nil {
		return err
	}
	for _, stone := range stones {
		if stone.Fingerprint == p.Key.Fingerprint && stone.Plan == p.Of {
			stone.Restored = r.Now()
			return r.Keeper.AddTombstone(ctx, stone)
		}
	}
	return nil
}

// somethingToDo reports whether a step of the place can be taken now. One that is not due
// needs no connection.
func (r *Runner) somethingToDo(run *Run, at int) bool {
	step := run.next(at)
	return step != nil && !r.Now().Before(run.Due(step))
}

// Due is when a step may be taken: lines go for good after their quarantine. Zero: at
// any time.
func (run *Run) Due(step *Step) time.Time {
	for _, other := range run.at(step.Place) {
		if step.Kind == StepRemove && other.Kind == StepQuarantine && other.State == Done {
			return other.Changed.Add(run.Plan.KeepFor())
		}
	}
	return time.Time{}
}

// next is the first step of a place that is not done, or nil.
func (run *Run) next(at int) *Step {
	for _, step := range run.at(at) {
		if step.State != Done {
			return step
		}
	}
	return nil
}

// at returns the steps of one place, which one goroutine at a time works on.
func (run *Run) at(place int) (list []*Step) {
	for i := range run.Steps {
		if run.Steps[i].Place == place {
			list = append(list, &run.Steps[i])
		}
	}
	return list
}

// place takes the steps of one account on a server, which was reached or not.
func (r *Runner) place(ctx context.Context, run *Run, at int, server Server, err error) {
	r.inOrder(ctx, run, at, func(step *Step) error {
		if err != nil {
			return err
		}
		if err := sameServer(run, at, server); err != nil {
			return err
		}
		step.Host = server.Identity()
		return r.take(ctx, run, step, server)
	})
}

// inOrder takes the steps of one place in order, until one is not done.
func (r *Runner) inOrder(ctx context.Context, run *Run, at int, take func(*Step) error) {
	for step := run.next(at); step != nil && !r.Now().Before(run.Due(step)); step = run.next(at) {
		err := take(step)
		if err == nil {
			err = r.done(ctx, run, step)
		}
		if err != nil {
			r.fail(ctx, run, step, err)
			return
		}
	}
}

// sameServer refuses a server that is not the one of the plan.
func sameServer(run *Run, at int, server Server) error {
	p := &run.Plan
	place, host := &p.Places[at], server.Identity()
	for _, step := range run.at(at) { // an earlier step may have met it first
		if step.Host.Key != "" {
			place.Host.Key = step.Host.Key
		}
	}
	switch {
	case place.Host.Key != "" && host.Key != place.Host.Key:
		return problem.With(stop(fmt.Errorf("the host key of %s is %s, and was %s when the plan was made", place.Target, host.Key, place.Host.Key)), "find out why it changed; then make the plan anew")
	case place.Account != "" && server.Account() != place.Account:
		return problem.With(stop(fmt.Errorf("ssh logs in as %s, and the plan is about %s", server.Account(), place.Account)), "make the plan anew")
	}
	place.Host.Key, place.Account = host.Key, server.Account()
	return nil
}

// stopError is an error that another try does not mend.
type stopError struct{ error }

func (e stopError) Unwrap() error { return e.error }

func stop(err error) error { return stopError{err} }

// fail notes why a step was not taken. It waits, unless a person must act first.
func (r *Runner) fail(ctx context.Context, run *Run, step *Step, err error) {
	if step.State != Doing {
		step.State = Waiting
	}
	if _, ok := errors.AsType[stopError](err); ok {
		step.State = Stopped
	}
	step.Why, step.Remedy = platform.Escape(err.Error(), 400), problem.Remedy(err)
	ctx = context.WithoutCancel(ctx)
	r.record(ctx, run, step)
	if err := r.save(ctx, run, step); err != nil {
		step.Why += "; and the store did not take it: " + err.Error()
	}
	r.tell(run, step)
}

func (r *Runner) done(ctx context.Context, run *Run, step *Step) error {
	step.State, step.Remedy = Done, ""
	ctx = context.WithoutCancel(ctx)
	r.record(ctx, run, step)
	err := r.save(ctx, run, step)
	r.tell(run, step)
	if err == nil && step.Kind == StepRestore {
		err = r.forgive(ctx, &run.Plan)
	}
	return err
}

// doing saves a step before its change, with what only now can be known.
func (r *Runner) doing(ctx context.Context, run *Run, step *Step) error {
	step.State, step.Why, step.Remedy = Doing, "", ""
	if err := r.remember(ctx, &run.Plan, step); err != nil {
		return err
	}
	r.record(ctx, run, step)
	return r.save(ctx, run, step)
}

func (r *Runner) save(ctx context.Context, run *Run, step *Step) error {
	step.Changed = r.Now().UTC()
	body, err := json.Marshal(step)
	if err != nil {
		return err
	}
	return r.Keeper.SaveStep(ctx, run.Plan.ID, store.Step{Number: step.Number, Changed: step.Changed, Body: body})
}

func (r *Runner) tell(run *Run, step *Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Event != nil {
		r.Event(&run.Plan, *step)
	}
}

// record writes the step to the audit log and notes the record in its proofs.
func (r *Runner) record(ctx context.Context, run *Run, step *Step) {
	p := &run.Plan
	entry := audit.Step{Plan: p.ID, Step: fmt.Sprint(step.Number), Kind: string(step.Kind), Fingerprint: p.keyOf(step.Kind).Fingerprint, State: string(step.State), Detail: step.detail()}
	if step.Place >= 0 {
		entry.Host, entry.Account = p.Places[step.Place].Host.String(), p.Places[step.Place].Account
	}
	seq, hash, err := r.Record(ctx, entry)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		if r.unrecorded == nil {
			r.unrecorded = err
		}
		return
	}
	for i := range step.Proofs {
		step.Proofs[i].Records = append(step.Proofs[i].Records, seq)
		step.Proofs[i].Chain = hash
	}
}

// keyOf is the key that a step of this kind is about.
func (p *Plan) keyOf(kind StepKind) lifecycle.Key {
	if p.New != nil && (kind == StepAdd || kind == StepProve || kind == StepWithdraw) {
		return *p.New
	}
	return p.Key
}

// detail is the step in a few words, for the audit log.
func (s *Step) detail() string {
	for _, proof := range s.Proofs {
		if (proof.File != "" || proof.Forge != "") && !proof.After.Time.IsZero() {
			return joined(fmt.Sprintf("%s: before %s, after %s", proof.File+proof.Forge, word(proof, proof.Before), word(proof, proof.After)), s.Why)
		}
	}
	return s.Why
}

// word is what a probe of the proof says, in a word.
func word(proof lifecycle.Proof, probe lifecycle.Probe) string {
	switch {
	case proof.Forge != "" && probe.Accepted:
		return "listed"
	case proof.Forge != "":
		return "not listed"
	case probe.Accepted:
		return "accepted"
	}
	return "refused"
}
