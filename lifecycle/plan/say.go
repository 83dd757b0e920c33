package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/lifecycle"
)

// Say writes how a step stands in one line. Escape it: servers have chosen parts of it.
func (run *Run) Say(step Step) string {
	text := fmt.Sprintf("%s: %s: %s", run.Target(step), run.word(step), step.State)
	if step.Why != "" {
		text += ": " + step.Why
	}
	for _, change := range step.Changes {
		where := change.Name
		if change.File != "" {
			where = fmt.Sprintf("%s:%d", change.File, change.Line)
		}
		text += fmt.Sprintf("; %s: %s", where, change.New)
	}
	if step.State == Done {
		for _, proof := range step.Proofs {
			text += "; " + run.sayProof(step, proof)
		}
	}
	return text
}

var words = map[StepKind]string{
	StepAdd: "new line", StepProve: "the server lets the key in", StepSwitch: "ssh_config", StepGit: "git", StepQuarantine: "quarantine",
	StepRemove: "removal", StepRestore: "old lines back", StepSwitchBack: "ssh_config back", StepWithdraw: "new line withdrawn",
}

// wordsOfForges are those where a forge has keys instead of lines.
var wordsOfForges = map[StepKind]string{
	StepAdd: "new key", StepProve: "the forge lists the key", StepRestore: "old key back", StepWithdraw: "new key withdrawn",
}

// word is what a step does, in a few words.
func (run *Run) word(step Step) string {
	if word, ok := wordsOfForges[step.Kind]; ok && step.Place >= 0 && run.Plan.Places[step.Place].Forge != "" {
		return word
	}
	return words[step.Kind]
}

func (run *Run) sayProof(step Step, proof lifecycle.Proof) string {
	var parts []string
	if len(proof.Lines) > 0 && step.Kind != StepAdd {
		parts = append(parts, proof.File+" "+lineNumbers(proof.Lines))
	} else if proof.File != "" {
		parts = append(parts, proof.File)
	}
	if !proof.Before.Time.IsZero() {
		parts = append(parts, "before: "+word(proof, proof.Before))
	}
	if !proof.After.Time.IsZero() {
		parts = append(parts, "after: "+word(proof, proof.After))
	}
	if proof.LetIn != "" {
		in := "let in: " + run.nameOf(proof.LetIn)
		if proof.Together {
			in = "in the same connection " + in
		}
		if proof.LetInBy != "" {
			in += " by " + proof.LetInBy
		}
		parts = append(parts, in)
	}
	if proof.Sessions != "" && !strings.HasPrefix(proof.Sessions, "none ") && (step.Kind == StepQuarantine || step.Kind == StepRemove) {
		parts = append(parts, "sessions that go on: "+proof.Sessions)
	}
	return strings.Join(parts, ", ")
}

// nameOf is the name of a key of the plan, or of one that lets this user in, or else the
// fingerprint.
func (run *Run) nameOf(fingerprint string) string {
	known := append([]lifecycle.Key{run.Plan.Key}, run.doors...)
	if run.Plan.New != nil {
		known = append(known, *run.Plan.New)
	}
	for _, key := range known {
		if key.Fingerprint == fingerprint {
			return Name(key)
		}
	}
	return fingerprint
}

func lineNumbers(numbers []int) string {
	var list []string
	for _, n := range numbers {
		list = append(list, strconv.Itoa(n))
	}
	if len(list) == 1 {
		return "line " + list[0]
	}
	return "lines " + strings.Join(list, ", ")
}
