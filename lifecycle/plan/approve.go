package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/sshsig"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Approvals is what the machine's owner asks of a plan: [lifecycle] in policy.toml.
type Approvals struct {
	Needed  int    // how many persons must have approved
	Signers []byte // the file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS)
	Kinds   []Kind // of plans that need them

	// Elsewhere lets other accounts and machines than the one that made a plan carry it out.
	// Each with a store of its own could do so once.
	Elsewhere bool
}

// Need reports whether a plan of this kind needs approvals.
func (a Approvals) Need(kind Kind) bool { return a.Needed > 0 && slices.Contains(a.Kinds, kind) }

// Approval is a signature under a plan, with the name of its file for errors.
type Approval struct {
	Name     string `json:"name"`
	Armoured []byte `json:"armoured"`
}

// Approved is the file of a plan, as others approved it. The store keeps it, so that the
// approvals are checked again when the plan goes on.
type Approved struct {
	SHA256    string     `json:"sha256"` // of File, in hex; "": the plan was not in a file
	File      []byte     `json:"file,omitempty"`
	Approvals []Approval `json:"approvals,omitempty"`
}

// CheckAgain checks the approvals of a plan that goes on. A step that only closes a door
// does not wait for them, unless the whole plan would.
func (a Approvals) CheckAgain(ctx context.Context, run *Run, applier Requester) error {
	if !a.Need(run.Plan.Kind) || run.Plan.Kind != Terminate && !run.opens() {
		return nil
	}
	p, err := Decode(run.Approved.File)
	if err == nil {
		_, err = a.Check(ctx, &p, run.Approved.File, applier, run.Approved.Approvals)
	}
	if err != nil {
		return problem.WithDefault(fmt.Errorf("the plan %s is not approved as the machine's owner asks now: %w", run.Plan.ID, err),
			"write a new plan and let it be approved: keybroker plan %s --help", run.Plan.Kind)
	}
	if !run.isOf(&p) {
		return problem.With(fmt.Errorf("the plan %s in the store is not the one that was approved", run.Plan.ID), "write a new plan and let it be approved: keybroker plan %s --help", p.Kind)
	}
	return nil
}

// opens reports whether a step that is not done lets a key in.
func (run *Run) opens() bool {
	return slices.ContainsFunc(run.Steps, func(s Step) bool {
		return s.State != Done && (s.Kind == StepAdd || s.Kind == StepProve || s.Kind == StepRestore)
	})
}

// isOf reports whether the run carries out this plan, with these steps.
func (run *Run) isOf(p *Plan) bool {
	same, err := Encode(run.Plan)
	want, e := Encode(*p)
	steps := p.steps()
	return err == nil && e == nil && bytes.Equal(same, want) && slices.EqualFunc(run.Steps, steps, func(a, b Step) bool {
		return a.Number == b.Number && a.Kind == b.Kind && a.Place == b.Place
	})
}

// maxApprovals bounds what is verified.
const maxApprovals = 32

// Check returns who approved the plan in data, or an error that says what is missing
// and why each signature that did not count does not. Who made the plan and who applies
// it never count. One person counts once, with however many keys.
func (a Approvals) Check(ctx context.Context, p *Plan, data []byte, applier Requester, approvals []Approval) ([]sshsig.Signed, error) {
	if !a.Need(p.Kind) {
		return nil, nil
	}
	if len(approvals) > maxApprovals {
		return nil, fmt.Errorf("there are %d approvals, at most %d are looked at", len(approvals), maxApprovals)
	}
	own := slices.Concat(applier.Keys, p.By.Keys)
	requesters := a.principalsOf(own)
	var counted []sshsig.Signed
	var causes []error
	for _, approval := range approvals {
		signed, err := sshsig.Verify(ctx, data, approval.Armoured, a.Signers, PlanNamespace, time.Time{})
		switch {
		case err != nil:
		case slices.Contains(own, signed.Fingerprint):
			err = errors.New("it is by a key of the requester, who cannot approve the plan")
		case slices.Contains(requesters, signed.Principal) || isActor(signed.Principal, p.By.Actor) || isActor(signed.Principal, applier.Actor):
			err = fmt.Errorf("%s is the requester, who cannot approve the plan", signed.Principal)
		case slices.ContainsFunc(counted, func(s sshsig.Signed) bool {
			return s.Principal == signed.Principal || s.Fingerprint == signed.Fingerprint
		}):
			err = fmt.Errorf("%s has approved the plan already", signed.Principal)
		}
		if err != nil {
			causes = append(causes, fmt.Errorf("%s: %w", approval.Name, err))
			continue
		}
		counted = append(counted, signed)
	}
	if !a.Elsewhere && p.By.Actor != applier.Actor {
		return counted, problem.With(fmt.Errorf("the plan was made by %s, and each account could carry it out once", platform.Escape(p.By.Actor, 100)),
			"make it here: keybroker plan %s --help; or the machine's owner allows it: elsewhere = true in [lifecycle] of policy.toml", p.Kind)
	}
	if len(counted) >= a.Needed {
		return counted, nil
	}
	what := fmt.Errorf("the plan has %s, and the machine's owner asks for %d", keys.Counted(len(counted), "approval"), a.Needed)
	if len(causes) > 0 {
		what = fmt.Errorf("%w:\n%w", what, errors.Join(causes...))
	}
	return counted, problem.With(what, "let another person read the file and sign it: ssh-keygen -Y sign -n %s -f KEY FILE", PlanNamespace)
}

// isActor compares a principal with the login name of "user@machine": "anna" and
// "anna@example.com" are anna@laptop. Who shares a login name must ask somebody else.
func isActor(principal, actor string) bool {
	user, _, _ := strings.Cut(actor, "@")
	name, _, _ := strings.Cut(principal, "@")
	return user != "" && strings.EqualFold(name, user)
}

// principalsOf returns the principals on the lines of the allowed signers that have one
// of the keys: who holds one of two keys of a person is that person.
func (a Approvals) principalsOf(fingerprints []string) []string {
	var found []string
	for line := range strings.Lines(string(a.Signers)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		for _, field := range fields[1:] {
			if blob, ok := blobOf(field); ok && slices.Contains(fingerprints, authorized.Fingerprint(blob)) {
				found = append(found, strings.Split(strings.Trim(fields[0], `"`), ",")...)
			}
		}
	}
	return found
}
