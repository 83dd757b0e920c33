package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Action is what a Step does.
type Action string

const (
	Keep   Action = "keep"   // it is there already
	Create Action = "create" // nothing is there
	Update Action = "update" // what this command wrote is replaced
	Remove Action = "remove"
	Leave  Action = "leave" // it was changed since, and stays
)

// Step is a change and what has to be done for it.
type Step struct {
	Change
	Action Action
	before present
}

// Before is what stands there now, "" if nothing does.
func (s Step) Before() string { return s.before.text }

// Command is a command that is run after the files were written, or before they are
// removed.
type Command struct {
	Args  []string
	Why   string
	input []byte // for its standard input; a secret
}

// Plan is what an installation or its end has to do.
type Plan struct {
	Steps    []Step
	First    []Command // before the steps
	Commands []Command // after the steps
	Notes    []string  // what the person should know
	manifest Manifest  // afterwards; without changes: none
	path     string    // of the manifest
	place    Place

	folderMode fs.FileMode // of directories that are made
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool {
	return len(p.First) == 0 && len(p.Commands) == 0 && !slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Action != Keep && s.Action != Leave })
}

// stepFor compares a wanted change with what is there. What was not written by an
// installation is an error, unless it is exactly what is wanted.
func stepFor(c Change, old *Manifest) (Step, error) {
	before, err := c.look()
	if err != nil {
		return Step{}, err
	}
	written, ours := old.of(c)
	if c.Kind == Block {
		c.Made, c.Open = !before.wholeThere, openEnded(before.whole)
		if before.there {
			c.Made, c.Open = ours && written.Made, ours && written.Open
		}
	}
	step := Step{Change: c, before: before}
	switch {
	case !before.there:
		step.Action = Create
	case before.text == c.Text, c.Kind == Seed:
		step.Action = Keep
	case c.Kind == Block, ours && before.text == written.Text, c.Kind == Link && replaceable(before.text, c.Text):
		step.Action = Update
	default:
		return Step{}, foreign(c)
	}
	return step, nil
}

// replaceable accepts a link that enables our unit from another place.
func replaceable(target, wanted string) bool {
	return target != os.DevNull && filepath.Base(target) == filepath.Base(wanted)
}

// stepBack is the step that takes a change back.
func stepBack(c Change) (Step, error) {
	before, err := c.look()
	if err != nil { // a link or a file of the person's is in its place now
		return Step{Change: c, Action: Leave}, nil
	}
	step := Step{Change: c, before: before}
	switch {
	case !before.there:
		step.Action = Keep
	case c.Kind == Block || before.text == c.Text:
		step.Action = Remove
	default:
		step.Action = Leave
	}
	return step, nil
}

// compare makes the steps of a plan: first what an earlier installation wrote and is no
// longer wanted, then what is wanted.
func (p *Plan) compare(wanted []Change, old *Manifest) error {
	if old != nil {
		p.manifest.Folders, p.manifest.Stopped = old.Folders, old.Stopped
		for _, c := range old.Changes {
			if slices.ContainsFunc(wanted, func(w Change) bool { return w.Kind == c.Kind && w.Path == c.Path }) {
				continue
			}
			step, err := stepBack(c)
			if err != nil {
				return err
			}
			p.Steps = append(p.Steps, step)
		}
	}
	var faults []error
	for _, c := range wanted {
		step, err := stepFor(c, old)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		p.Steps = append(p.Steps, step)
		p.manifest.Changes = append(p.manifest.Changes, step.Change)
	}
	return errors.Join(faults...)
}

// Apply carries the plan out. The manifest is written first: if a step fails, an
// uninstallation finds what was done.
func (p *Plan) Apply(run func(Command) error) error {
	var faults []error
	for _, c := range p.First {
		faults = append(faults, run(c))
	}
	if len(p.manifest.Changes) > 0 {
		if err := p.makeFolders(); err != nil {
			return err
		}
		if err := p.manifest.write(p.path); err != nil {
			p.clear()
			return problem.WithDefault(fmt.Errorf("nothing was changed: %w", err), "make that directory writable")
		}
	}
	for _, s := range p.Steps {
		if err := s.carryOut(); err != nil {
			if len(p.manifest.Changes) == 0 {
				return problem.With(err, "the rest is still there: when that is mended, run this again")
			}
			return problem.With(err, "what was done so far can be undone: keybroker service uninstall")
		}
	}
	for _, c := range p.Commands {
		faults = append(faults, run(c))
	}
	if len(p.manifest.Changes) == 0 {
		p.clear()
	}
	return errors.Join(faults...)
}

// reverse has what was written last go first.
func (p *Plan) reverse() { slices.Reverse(p.Steps) }

func (s Step) carryOut() error {
	switch s.Action {
	case Create, Update:
		return s.apply(s.before)
	case Remove:
		return s.remove(s.before)
	}
	return nil
}

// makeFolders makes the directories of the files, and notes those that it made.
func (p *Plan) makeFolders() error {
	if err := p.makeFolder(filepath.Dir(p.path)); err != nil {
		return err
	}
	for _, s := range p.Steps {
		if s.Kind == Value || s.Action != Create {
			continue
		}
		if err := p.makeFolder(filepath.Dir(s.Path)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) makeFolder(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		return problem.With(fmt.Errorf("%s is not a directory", dir), "move it away, and run this again")
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := p.makeFolder(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, p.folderMode); err != nil {
		return problem.WithDefault(fmt.Errorf("nothing was changed: %w", err), "make %s writable", filepath.Dir(dir))
	}
	if !slices.Contains(p.manifest.Folders, dir) {
		p.manifest.Folders = append(p.manifest.Folders, dir)
	}
	return nil
}

// clear removes the directories that were made, unless something else is in them, and
// the manifest. That is a file like others: what it calls a directory may be none.
func (p *Plan) clear() {
	_ = os.Remove(p.path)
	for _, dir := range slices.Backward(p.manifest.Folders) {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() {
			_ = os.Remove(dir)
		}
	}
}

// checkFolders returns an error if somebody else could put a file in the place of one
// that is written.
func checkFolders(changes []Change) error {
	for _, c := range changes {
		if c.Kind == Value {
			continue
		}
		if err := platform.CheckTrustedDir(filepath.Dir(c.Path)); err != nil {
			return err
		}
	}
	return nil
}
