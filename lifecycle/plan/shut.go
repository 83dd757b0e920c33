package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"
)

// errLastDoor is why a door stays open.
var errLastDoor = errors.New("no other key of yours gets in there: this is the last proved door, which stays open")

func lastDoor(target string) error {
	return stop(problem.With(errLastDoor, "bring another key in first: keybroker provision KEY %s", target))
}

// shut closes every line of the plan's key by change. Before that the server must let
// another key in, and afterwards again, in one connection with the question about this
// one.
func (r *Runner) shut(ctx context.Context, run *Run, step *Step, server Server, change func(*authorized.File) []int) error {
	key := run.Plan.keyOf(step.Kind)
	files, unseen, err := readable(ctx, server)
	if err != nil {
		return err
	}
	if len(step.Proofs) == 0 {
		answer, err := server.Ask(ctx, key, r.others(key))
		if err != nil {
			return err
		}
		with := filesWith(files, key.Blob)
		switch {
		case answer.Stranger:
			return stop(problem.New("the server lets in keys that nobody has: its word proves nothing", "look at its log"))
		case len(with) == 0 && answer.About.Accepted:
			return stop(problem.New("the server lets the key in, and no file that can be read has it", "look at AuthorizedKeysCommand, TrustedUserCAKeys and the files that were not readable: keybroker inventory"))
		case len(with) == 0:
			step.Why = joined("the key was not there", elsewhere(unseen))
			return nil
		case answer.LetIn == "":
			return lastDoor(run.Plan.Places[step.Place].Target)
		}
		for _, file := range with {
			step.Proofs = append(step.Proofs, proofsOf(run, step, files, file.Path, &answer)...)
		}
		for i := range step.Proofs {
			step.Proofs[i] = r.filled(run, step, server, step.Proofs[i])
		}
		step.Taken = taken(with, key.Blob)
		if err := r.doing(ctx, run, step); err != nil {
			return err
		}
	}
	if err := r.edit(ctx, step, server, filesWith(files, key.Blob), change); err != nil {
		return err
	}
	return r.proveShut(ctx, run, step, server, files)
}

// joined are texts that are not empty.
func joined(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), "; ")
}

// edit changes each file that has the key.
func (r *Runner) edit(ctx context.Context, step *Step, server Server, files []File, change func(*authorized.File) []int) error {
	for _, file := range files {
		edited, err := server.Edit(ctx, file.Path, func(old []byte) ([]byte, error) {
			parsed := authorized.Parse(old)
			change(parsed)
			return parsed.Bytes(), nil
		})
		if err != nil {
			return problem.WithDefault(fmt.Errorf("%s is still as it was: %w", file.Path, err), "let somebody who may write it do this step")
		}
		note(step, file.Path, edited)
	}
	return nil
}

// proveShut asks the server again. If the other key does not get in any more, the files
// become what they were.
func (r *Runner) proveShut(ctx context.Context, run *Run, step *Step, server Server, before []File) error {
	key := run.Plan.keyOf(step.Kind)
	answer, err := server.Ask(ctx, key, r.others(key))
	if err != nil && run.Plan.Now { // a stolen key stays out while nothing is known
		return problem.WithDefault(fmt.Errorf("the lines are gone, and the proof is missing: %w", err), "resume the plan")
	}
	if err != nil || answer.LetIn == "" {
		if err == nil {
			err = errors.New("after the change no other key got in")
		}
		if back := r.back(context.WithoutCancel(ctx), run, step, server, before); back != nil {
			return errors.Join(err, back)
		}
		step.State, step.Proofs, step.Taken = Waiting, nil, nil
		return problem.WithDefault(fmt.Errorf("%w: the lines are as they were", err), "find out why, then resume the plan")
	}
	files, unseen, err := readable(ctx, server)
	if err != nil {
		return err
	}
	for i := range step.Proofs {
		proof := &step.Proofs[i]
		proof.After, proof.LetIn, proof.LetInBy, proof.Sessions = answer.About, answer.LetIn, answer.LetInBy, answer.Sessions
		proof.Together, proof.Unseen = answer.Together, unseen
		if at := slices.IndexFunc(files, func(f File) bool { return f.Path == proof.File }); at >= 0 {
			proof.SHA256[1] = sum(files[at].Data)
		}
		if !proof.Before.Accepted {
			proof.Reason = "the server refused the key before, too (its options, or the server's settings): only the file proves the change"
		}
	}
	step.Why = elsewhere(unseen)
	switch {
	case answer.About.Accepted:
		return stop(problem.New("STILL OPEN: the server lets the key in after its lines are gone", "look at AuthorizedKeysCommand, TrustedUserCAKeys and further files of AuthorizedKeysFile on the server"))
	case len(filesWith(files, key.Blob)) > 0:
		return errors.New("another program put the key back: the step is tried again")
	}
	return nil
}

// back gives the files the bytes that they had. Where another program changed them too,
// or this one was interrupted, it puts back the lines of the key alone.
func (r *Runner) back(ctx context.Context, run *Run, step *Step, server Server, before []File) error {
	var all []error
	for _, proof := range step.Proofs {
		_, err := server.Edit(ctx, proof.File, func(now []byte) ([]byte, error) {
			for _, file := range before {
				if file.Path == proof.File && sum(file.Data) == proof.SHA256[0] && sum(now) == proof.SHA256[1] {
					return file.Data, nil
				}
			}
			return withLines(now, run.Plan.keyOf(step.Kind).Blob, run.Plan.ID, step.Taken, proof.File)
		})
		if err != nil {
			all = append(all, fmt.Errorf("the way back failed at %s: %w", proof.File, err))
		}
	}
	return errors.Join(all...)
}

// withLines lets the lines live again that are commented out, and adds those that are
// gone. The lines come from the store, so only those with the key are added.
func withLines(now, blob []byte, note string, lines []Addition, path string) ([]byte, error) {
	file := authorized.Parse(now)
	file.Restore(blob, note)
	for _, line := range lines {
		if line.File != path || len(authorized.Parse([]byte(line.Text)).With(blob)) == 0 || hasLine(file, line.Text) {
			continue
		}
		if _, err := file.Append(line.Text); err != nil {
			return nil, err
		}
	}
	return file.Bytes(), nil
}

// taken are the live lines of a key, which a step closes.
func taken(files []File, blob []byte) (list []Addition) {
	for _, file := range files {
		for _, line := range authorized.Parse(file.Data).With(blob) {
			list = append(list, Addition{file.Path, strings.TrimRight(string(line.Raw), "\r\n")})
		}
	}
	return list
}

// remove takes the lines out. After a quarantine they are comments, and the door was
// proved shut: it is proved once more.
func (r *Runner) remove(ctx context.Context, run *Run, step *Step, server Server) error {
	key := run.Plan.keyOf(step.Kind)
	gone := func(f *authorized.File) []int { return f.Remove(key.Blob) }
	files, _, err := readable(ctx, server)
	if err != nil {
		return err
	}
	with, live := filesHolding(files, key.Blob), filesWith(files, key.Blob)
	switch {
	case len(step.Proofs) == 0 && len(live) > 0 && run.wasShut(step.Place) && !run.Plan.Everywhere:
		step.Why = fmt.Sprintf("the key was let in again since, by %s, which stays; to close that too: keybroker terminate %s %s", linesOf(live, key.Blob), key.Fingerprint, run.Plan.Places[step.Place].Target)
		return r.edit(ctx, step, server, with, func(f *authorized.File) []int { return f.RemoveQuarantined(key.Blob) })
	case len(step.Proofs) > 0 || len(live) > 0: // the whole way
		return r.shut(ctx, run, step, server, gone)
	}
	if len(with) == 0 && !run.wasShut(step.Place) {
		return r.shut(ctx, run, step, server, gone)
	}
	if err := r.doing(ctx, run, step); err != nil {
		return err
	}
	for _, file := range with {
		step.Proofs = append(step.Proofs, r.filled(run, step, server, lifecycle.Proof{File: file.Path, SHA256: [2]string{sum(file.Data)}, Before: run.shutProbe(step.Place)}))
	}
	if err := r.edit(ctx, step, server, with, gone); err != nil {
		step.Proofs = nil
		return err
	}
	return r.proveShut(ctx, run, step, server, files)
}

// wasShut reports whether the quarantine of the place was done.
func (run *Run) wasShut(place int) bool {
	return slices.ContainsFunc(run.at(place), func(s *Step) bool { return s.Kind == StepQuarantine && s.State == Done })
}

// shutProbe is what the server said before the quarantine.
func (run *Run) shutProbe(place int) lifecycle.Probe {
	for _, step := range run.at(place) {
		if step.Kind == StepQuarantine && len(step.Proofs) > 0 {
			return step.Proofs[0].Before
		}
	}
	return lifecycle.Probe{}
}

// filesWith are those with a live line of the key.
func filesWith(files []File, blob []byte) (list []File) {
	for _, file := range files {
		if len(authorized.Parse(file.Data).With(blob)) > 0 {
			list = append(list, file)
		}
	}
	return list
}

// linesOf names the live lines of the key.
func linesOf(files []File, blob []byte) string {
	var list []string
	for _, file := range files {
		for _, line := range authorized.Parse(file.Data).With(blob) {
			list = append(list, fmt.Sprintf("%s:%d", file.Path, line.Number))
		}
	}
	return strings.Join(list, ", ")
}

// filesHolding are those with a line of the key, live or commented out by keybroker.
func filesHolding(files []File, blob []byte) (list []File) {
	for _, file := range files {
		if len(authorized.Parse(file.Data).Remove(blob)) > 0 {
			list = append(list, file)
		}
	}
	return list
}

// proofsOf begins the proof of one file: which lines change, and what the server said.
func proofsOf(run *Run, step *Step, files []File, path string, before *Answer) []lifecycle.Proof {
	proof := lifecycle.Proof{File: path}
	for _, file := range files {
		if file.Path != path {
			continue
		}
		proof.SHA256[0] = sum(file.Data)
		for _, line := range authorized.Parse(file.Data).With(run.Plan.keyOf(step.Kind).Blob) {
			proof.Lines = append(proof.Lines, line.Number)
		}
	}
	if before != nil {
		proof.Before, proof.Sessions = before.About, before.Sessions
	}
	return []lifecycle.Proof{proof}
}

// note adds what an edit has made of a file to its proof.
func note(step *Step, path string, edited Edited) {
	for i := range step.Proofs {
		if step.Proofs[i].File == path {
			step.Proofs[i].SHA256[1] = edited.After
		}
	}
}

func publicKey(key lifecycle.Key) ssh.PublicKey {
	public, err := publickey.Parse(key.Blob)
	if err != nil {
		return nil
	}
	return public
}
