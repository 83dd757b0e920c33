package plan

import (
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/plan/clientconfig"
)

// StepKind is what a step does.
type StepKind string

// The kinds of step, in the order of a rotation and of the way back.
const (
	StepAdd        StepKind = "add"        // the new line in
	StepProve      StepKind = "prove"      // the server lets the new key in
	StepSwitch     StepKind = "switch"     // ssh_config of this machine, for that host
	StepGit        StepKind = "git"        // git of this machine
	StepQuarantine StepKind = "quarantine" // the old lines commented out
	StepRemove     StepKind = "remove"     // the old lines gone
	StepRestore    StepKind = "restore"    // the old lines live again
	StepSwitchBack StepKind = "switch-back"
	StepWithdraw   StepKind = "withdraw" // the new line that the plan added gone
)

// State is how a step stands.
type State string

// The states of a step.
const (
	Waiting State = "waiting" // not begun, or to be tried again: Why says what it waits for
	Doing   State = "doing"   // begun; what it has changed shows on the server
	Done    State = "done"
	Stopped State = "stopped" // a person must do something first: Remedy
)

// Step is one step of a plan at one place, and how it stands. It is saved before a
// change and after it.
type Step struct {
	Number  int       `json:"number"` // from 1, within the plan
	Kind    StepKind  `json:"kind"`
	Place   int       `json:"place"` // index of Plan.Places; -1: this machine
	State   State     `json:"state"`
	Why     string    `json:"why,omitempty"`
	Remedy  string    `json:"remedy,omitempty"`
	Changed time.Time `json:"changed,omitzero"`

	Host    lifecycle.Host        `json:"host,omitzero"`     // as it was met
	Proofs  []lifecycle.Proof     `json:"proofs,omitempty"`  // one for each file
	Added   []Addition            `json:"added,omitempty"`   // lines that the step adds
	Taken   []Addition            `json:"taken,omitempty"`   // live lines that the step closes, as they were
	Changes []clientconfig.Change `json:"changes,omitempty"` // on this machine
}

// Addition is a line of a file that lets keys in.
type Addition struct {
	File string `json:"file"`
	Text string `json:"text"` // without its end
}

// steps returns the steps of a new plan, the places one after the other.
func (p *Plan) steps() []Step {
	var list []Step
	add := func(place int, kinds ...StepKind) {
		for _, kind := range kinds {
			list = append(list, Step{Number: len(list) + 1, Kind: kind, Place: place, State: Waiting})
		}
	}
	for i, place := range p.Places {
		add(i, p.stepsAt(place)...)
	}
	if !p.KeepConfig && (p.Kind == Rotate || p.Kind == Restore && p.OfKind == Rotate) {
		add(-1, StepGit)
	}
	return list
}

func (p *Plan) stepsAt(place Place) []StepKind {
	last := []StepKind{StepQuarantine, StepRemove}
	if p.Now || p.KeepFor() == 0 || place.Forge != "" { // a forge has no comments
		last = last[1:]
	}
	switch {
	case p.Kind == Provision:
		return []StepKind{StepAdd, StepProve}
	case p.Kind == Rotate && p.KeepConfig:
		return append([]StepKind{StepAdd, StepProve}, last...)
	case p.Kind == Rotate:
		return append([]StepKind{StepAdd, StepProve, StepSwitch}, last...)
	case p.Kind == Terminate:
		return last
	case p.OfKind == Rotate && p.KeepConfig:
		return []StepKind{StepRestore, StepWithdraw}
	case p.OfKind == Rotate:
		return []StepKind{StepRestore, StepSwitchBack, StepWithdraw}
	}
	return []StepKind{StepRestore}
}
