package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/problem"
)

// Preview looks at each place and notes in the plan what would change there: the host
// key that answered, the account, the file and the difference. A place that is not
// reached says why.
func (r *Runner) Preview(ctx context.Context, p *Plan) error {
	var hosts []Place
	var index []int
	for i := range p.Places {
		if p.Places[i].Forge != "" {
			r.previewForge(ctx, p, i)
		} else {
			hosts, index = append(hosts, p.Places[i]), append(index, i)
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	return r.Reach(ctx, hosts, func(ctx context.Context, i int, server Server, err error) {
		at := index[i]
		place := &p.Places[at]
		if err == nil {
			place.Host, place.Account = server.Identity(), server.Account()
			place.Diff, place.File, err = r.differences(ctx, p, at, server)
		}
		if err != nil {
			place.Why, place.Remedy = err.Error(), problem.Remedy(err)
		}
	})
}

// differences returns the lines that change, as diff writes them, and the first file.
func (r *Runner) differences(ctx context.Context, p *Plan, at int, server Server) (diff []string, first string, err error) {
	files, _, err := readable(ctx, server)
	if err != nil {
		return nil, "", err
	}
	for _, kind := range p.stepsAt(p.Places[at]) {
		var changed []string
		switch kind {
		case StepAdd:
			added, err := additions(p, files, server.Version())
			if err != nil {
				return nil, "", err
			}
			for _, a := range added {
				changed = append(changed, fmt.Sprintf("%s: + %s", a.File, a.Text))
			}
		case StepQuarantine:
			changed = edits(files, func(f *authorized.File) { f.Quarantine(p.Key.Blob, p.ID) })
		case StepRestore:
			changed = edits(files, func(f *authorized.File) { f.Restore(p.Key.Blob, p.Of) })
		case StepRemove:
			if !slices.Contains(p.stepsAt(p.Places[at]), StepQuarantine) {
				changed = edits(files, func(f *authorized.File) { f.Remove(p.Key.Blob) })
			}
		case StepSwitch:
			changed = r.switchDiff(ctx, p, at)
		}
		diff = append(diff, changed...)
	}
	if len(diff) > 0 {
		first, _, _ = strings.Cut(diff[0], ": ")
	}
	return diff, first, nil
}

// switchDiff is what changes in ssh_config of this machine, or why it cannot.
func (r *Runner) switchDiff(ctx context.Context, p *Plan, at int) (diff []string) {
	host, err := p.Places[at].sshHost()
	if err != nil {
		return nil
	}
	changes, err := r.Machine.SwitchSSH(ctx, host, p.Key, *p.New, true)
	if err != nil {
		return []string{joined("ssh_config: "+err.Error(), problem.Remedy(err))}
	}
	for _, change := range changes {
		diff = append(diff, fmt.Sprintf("%s:%d: - %s", change.File, change.Line, change.Old), fmt.Sprintf("%s:%d: + %s", change.File, change.Line, change.New))
	}
	return diff
}

// edits returns the lines that an edit changes, with their numbers before it.
func edits(files []File, change func(*authorized.File)) (diff []string) {
	for _, file := range files {
		before, after := authorized.Parse(file.Data), authorized.Parse(file.Data)
		change(after)
		next := 0
		for _, line := range before.Lines {
			was := string(trimEnd(line.Raw))
			is := ""
			if next < len(after.Lines) {
				is = string(trimEnd(after.Lines[next].Raw))
			}
			if was == is {
				next++
				continue
			}
			diff = append(diff, fmt.Sprintf("%s:%d: - %s", file.Path, line.Number, was))
			if len(after.Lines) == len(before.Lines) { // changed in its place
				diff = append(diff, fmt.Sprintf("%s:%d: + %s", file.Path, line.Number, is))
				next++
			}
		}
	}
	return diff
}
