package plan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/problem"
)

// take does one step on a server. Each can be begun again after any interruption: it
// looks at what is there first.
func (r *Runner) take(ctx context.Context, run *Run, step *Step, server Server) error {
	switch step.Kind {
	case StepAdd:
		return r.add(ctx, run, step, server)
	case StepProve:
		return r.prove(ctx, run, step, server)
	case StepSwitch:
		return r.switchSSH(ctx, run, step)
	case StepSwitchBack:
		return r.switchBack(ctx, run, step, StepSwitch)
	case StepQuarantine:
		return r.shut(ctx, run, step, server, func(f *authorized.File) []int {
			return f.Quarantine(run.Plan.Key.Blob, run.Plan.ID)
		})
	case StepRemove:
		return r.remove(ctx, run, step, server)
	case StepRestore:
		return r.restore(ctx, run, step, server)
	case StepWithdraw:
		return r.withdraw(ctx, run, step, server)
	}
	return stop(fmt.Errorf("the step %.30q is not known", step.Kind))
}

// add puts the new line in, once. In a rotation the new key gets the options of each
// line of the old one.
func (r *Runner) add(ctx context.Context, run *Run, step *Step, server Server) error {
	files, _, err := readable(ctx, server)
	if err != nil {
		return err
	}
	if len(step.Added) == 0 {
		if step.Added, err = additions(&run.Plan, files, server.Version()); err != nil {
			return err
		}
		if len(step.Added) == 0 {
			step.Why = "the key is there already"
			return nil
		}
		step.Proofs = []lifecycle.Proof{r.filled(run, step, server, proofsOf(run, step, files, step.Added[0].File, nil)[0])}
		if err := r.doing(ctx, run, step); err != nil {
			return err
		}
	}
	for _, addition := range step.Added {
		edited, err := server.Edit(ctx, addition.File, func(old []byte) ([]byte, error) {
			file := authorized.Parse(old)
			if hasLine(file, addition.Text) {
				return old, nil
			}
			_, err := file.Append(addition.Text)
			return file.Bytes(), err
		})
		if err != nil {
			return err
		}
		note(step, addition.File, edited)
	}
	return nil
}

func hasLine(file *authorized.File, text string) bool {
	return slices.ContainsFunc(file.Lines, func(line authorized.Line) bool { return strings.TrimRight(string(line.Raw), "\r\n") == text })
}

// additions returns the lines that are missing.
func additions(p *Plan, files []File, version authorized.Version) ([]Addition, error) {
	key := p.keyOf(StepAdd)
	if key := publicKey(key); key == nil {
		return nil, stop(errors.New("the key has a type that this program does not know"))
	}
	var wanted []Addition
	if p.Kind == Rotate {
		wanted = likeOld(p, files)
		if len(wanted) == 0 {
			return nil, stop(problem.With(fmt.Errorf("no file that can be read has the old key"), "bring the new one in with: keybroker provision"))
		}
	} else {
		wanted = []Addition{{files[0].Path, lineText(key, p.Comment, fitted(p.Options, version))}}
	}
	for _, file := range files {
		for _, line := range authorized.Parse(file.Data).With(key.Blob) {
			same := slices.ContainsFunc(wanted, func(a Addition) bool {
				return slices.Equal(authorized.Parse([]byte(a.Text)).Lines[0].Options, line.Options)
			})
			if !same {
				return nil, stop(problem.With(fmt.Errorf("%s:%d has the key with other options (%s), and sshd takes the first line that fits", file.Path, line.Number, orNone(line.Options)), "take that line away first: keybroker terminate %s ACCOUNT@HOST", key.Fingerprint))
			}
			wanted = slices.DeleteFunc(wanted, func(a Addition) bool {
				return slices.Equal(authorized.Parse([]byte(a.Text)).Lines[0].Options, line.Options)
			})
		}
	}
	for _, addition := range wanted {
		if missing := version.TooOld(authorized.Parse([]byte(addition.Text)).Lines[0]); len(missing) > 0 {
			return nil, stop(problem.With(fmt.Errorf("the server (%s) does not know %s, and would refuse the whole line", version, strings.Join(missing, ", ")), "leave it out, or update the server"))
		}
	}
	return wanted, nil
}

func orNone(options []string) string {
	if len(options) == 0 {
		return "none"
	}
	return strings.Join(options, ",")
}

// likeOld returns a line of the new key for each live line of the old one, beside it.
func likeOld(p *Plan, files []File) []Addition {
	var list []Addition
	for _, file := range files {
		for _, line := range authorized.Parse(file.Data).With(p.Key.Blob) {
			addition := Addition{file.Path, lineText(*p.New, p.Comment, line.Options)}
			if line.Dead == "" && !slices.Contains(list, addition) {
				list = append(list, addition)
			}
		}
	}
	return list
}

// lineText is a line without its end.
func lineText(key lifecycle.Key, comment string, options []string) string {
	text := Line(key)
	if len(options) > 0 {
		text = strings.Join(options, ",") + " " + text
	}
	return strings.TrimSpace(text + " " + comment)
}

// prove lets the server say that the new key gets in. Where this user holds the key it
// is a login, which also shows the line; else the server's word for the public half.
func (r *Runner) prove(ctx context.Context, run *Run, step *Step, server Server) error {
	key := run.Plan.keyOf(StepProve)
	letIn := r.Doors
	if r.holds(key) {
		letIn = []lifecycle.Key{key}
	}
	answer, err := server.Ask(ctx, key, letIn)
	if err != nil {
		return err
	}
	proof := lifecycle.Proof{After: answer.About, LetIn: answer.LetIn, LetInBy: answer.LetInBy, Sessions: answer.Sessions}
	step.Proofs = []lifecycle.Proof{r.filled(run, step, server, proof)}
	switch {
	case !answer.About.Accepted:
		return stop(problem.With(errors.New("the server does not let the new key in"), "look at PubkeyAcceptedAlgorithms, AuthorizedKeysFile and the modes of the files there; then resume the plan"))
	case answer.Stranger:
		return stop(problem.New("the server lets in keys that nobody has: its word proves nothing", "look at its log"))
	case r.holds(key) && answer.LetIn != key.Fingerprint:
		return problem.New("the server accepts the new key, and no login with it succeeded", "allow the use of the key when you are asked, then resume the plan")
	}
	return nil
}

func (r *Runner) holds(key lifecycle.Key) bool {
	return slices.ContainsFunc(r.Doors, func(door lifecycle.Key) bool { return door.Fingerprint == key.Fingerprint })
}

// others are the keys that this user can log in with, but for one.
func (r *Runner) others(key lifecycle.Key) []lifecycle.Key {
	var list []lifecycle.Key
	for _, door := range r.Doors {
		if door.Fingerprint != key.Fingerprint {
			list = append(list, door)
		}
	}
	return list
}

// filled adds to a proof what every proof has.
func (r *Runner) filled(run *Run, step *Step, server Server, proof lifecycle.Proof) lifecycle.Proof {
	proof.Fingerprint, proof.Host, proof.Account = run.Plan.keyOf(step.Kind).Fingerprint, server.Identity(), server.Account()
	proof.Plan, proof.Actor = run.Plan.ID, r.Actor
	return proof
}

// readable returns the files of the account, and what else may let keys in. Without any
// file there is nothing to work on.
func readable(ctx context.Context, server Server) (files []File, unseen []string, err error) {
	files, missed, err := server.Files(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, u := range missed {
		if len(files) == 0 {
			return nil, nil, stop(problem.With(fmt.Errorf("no file that lets keys in can be read: %s: %s", u.What, u.Why), "%s", u.Remedy))
		}
		unseen = append(unseen, u.What+": "+u.Why)
	}
	if len(files) == 0 {
		return nil, nil, stop(errors.New("the account has no file that lets keys in"))
	}
	return files, unseen, nil
}

// elsewhere says what a server's refusal leaves open: a line that could not be seen may let
// the key in from other addresses.
func elsewhere(unseen []string) string {
	if len(unseen) == 0 {
		return ""
	}
	return "it may get in from other addresses by what could not be seen (" + strings.Join(unseen, "; ") + ")"
}

// sum is the SHA-256 of a file in hex; "" for no file.
func sum(data []byte) string {
	if data == nil {
		return ""
	}
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}
