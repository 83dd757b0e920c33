package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/authorized"
	"github.com/keybroker/keybroker/lifecycle/forge"
	"github.com/keybroker/keybroker/problem"
)

// newAtForge is the new key as a line of authorized_keys, with the expiry that a forge can
// keep and the title as its comment.
func newAtForge(p *Plan, f *forge.Forge, list []forge.Key) (string, error) {
	key := p.keyOf(StepAdd)
	ends := authorized.Line{Options: p.Options}.Expires()
	if p.Kind == Rotate {
		old := listed(list, p.Key)
		if len(old) == 0 {
			return "", stop(problem.With(fmt.Errorf("the account at %s does not have the old key", f.Host()), "add the new one: keybroker forge add"))
		}
		ends = old[0].Expires
	}
	return forgeLine(key, f, p.Comment, ends)
}

func forgeLine(key lifecycle.Key, f *forge.Forge, title string, ends time.Time) (string, error) {
	if ends.IsZero() || !f.KeepsExpiry() {
		return lineText(key, printable(title), nil), nil
	}
	option, err := authorized.Quote("expiry-time", ends.UTC().Format("20060102150405")+"Z")
	return lineText(key, printable(title), []string{option}), err
}

// printable keeps a title that a forge gave on its line.
func printable(title string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '_'
	}, title)
}

// addLine adds what forgeLine wrote.
func addLine(ctx context.Context, f *forge.Forge, text string) error {
	lines := authorized.Parse([]byte(text)).Lines
	if len(lines) != 1 || lines[0].Blob == nil {
		return stop(errors.New("the plan names no key that a forge takes"))
	}
	line := lines[0]
	title := line.Comment
	if title == "" {
		title = "keybroker"
	}
	_, err := f.Add(ctx, title, Line(lifecycle.Key{Type: line.Type, Blob: line.Blob}), line.Expires())
	return err
}

// listed are the entries of a key: a forge may have it more than once.
func listed(list []forge.Key, key lifecycle.Key) (found []forge.Key) {
	for _, k := range list {
		if k.Fingerprint == key.Fingerprint {
			found = append(found, k)
		}
	}
	return found
}

// look asks the forge for its list.
func (r *Runner) look(ctx context.Context, f *forge.Forge, key lifecycle.Key) (lifecycle.Probe, error) {
	list, err := f.List(ctx)
	return r.said(listed(list, key)), err
}

// said is what the forge lists of a key.
func (r *Runner) said(found []forge.Key) lifecycle.Probe {
	var all []string
	for _, k := range found {
		text := fmt.Sprintf("number %s, %s", k.ID, printable(k.Title))
		if !k.LastUsed.IsZero() {
			text += ", last used " + k.LastUsed.UTC().Format(time.DateOnly)
		}
		all = append(all, text)
	}
	return lifecycle.Probe{Accepted: len(found) > 0, Time: r.Now().UTC(), Said: strings.Join(all, "; ")}
}

func (r *Runner) forgeProof(run *Run, step *Step, f *forge.Forge) lifecycle.Proof {
	place := run.Plan.Places[step.Place]
	return lifecycle.Proof{Fingerprint: run.Plan.keyOf(step.Kind).Fingerprint, Host: place.Host, Forge: f.Name(), Plan: run.Plan.ID, Actor: r.Actor}
}
