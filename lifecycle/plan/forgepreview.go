package plan

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/lifecycle/forge"
	"github.com/keybroker/keybroker/problem"
)

// previewForge notes what would change at a forge, or why nothing can.
func (r *Runner) previewForge(ctx context.Context, p *Plan, at int) {
	place := &p.Places[at]
	f, err := r.OpenForge(ctx, *place)
	if err == nil {
		place.Diff, err = r.differencesAtForge(ctx, p, at, f)
	}
	if err != nil {
		place.Why, place.Remedy = err.Error(), problem.Remedy(err)
	}
}

func (r *Runner) differencesAtForge(ctx context.Context, p *Plan, at int, f *forge.Forge) (diff []string, err error) {
	list, err := f.List(ctx)
	if err != nil {
		return nil, err
	}
	add := func(sign, text string) { diff = append(diff, fmt.Sprintf("keys of the account: %s %s", sign, text)) }
	for _, kind := range p.stepsAt(p.Places[at]) {
		there := listed(list, p.keyOf(kind))
		switch kind {
		case StepAdd:
			line, err := newAtForge(p, f, list)
			if err != nil {
				return nil, err
			}
			if len(there) == 0 {
				add("+", line)
			}
		case StepRemove:
			for _, k := range there {
				add("-", k.Line+" "+printable(k.Title))
			}
		case StepRestore:
			if len(there) == 0 {
				add("+", Line(p.Key))
			}
		case StepSwitch:
			diff = append(diff, r.switchDiff(ctx, p, at)...)
		}
	}
	return diff, nil
}
