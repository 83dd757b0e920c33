package service

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/platform"
)

// Show writes the plan for the person: a line for each step, with diffs also the lines
// that are written and removed.
func (p *Plan) Show(w io.Writer, diffs bool) {
	for _, c := range p.First {
		showCommand(w, c)
	}
	for _, s := range p.Steps {
		if s.Action == Keep {
			continue
		}
		showLine(w, "  %-7s %s%s", s.word(), p.place.where(s.Change), p.place.aside(s))
		if diffs {
			s.showDiff(w)
		}
	}
	for _, c := range p.Commands {
		showCommand(w, c)
	}
	for _, note := range p.Notes {
		showLine(w, "  note    %s", note)
	}
}

func showCommand(w io.Writer, c Command) {
	showLine(w, "  run     %s  (%s)", c.line(), c.Why)
}

// maxShown bounds a line, in characters: a longer path is not shown whole.
const maxShown = 4096

// showLine escapes what others chose: paths come from the manifest, and from names of files.
func showLine(w io.Writer, format string, values ...any) {
	fmt.Fprintln(w, platform.Escape(fmt.Sprintf(format, values...), maxShown))
}

// line is the command as a shell reads it.
func (c Command) line() string {
	var words []string
	for _, arg := range c.Args {
		words = append(words, platform.ShellWord(arg))
	}
	return strings.Join(words, " ")
}

// word is what happens at the step's path.
func (s Step) word() string {
	switch {
	case s.Action == Leave:
		return "leave"
	case s.Kind == Block && s.Action == Remove:
		return "edit"
	case s.Kind == Block && s.before.wholeThere:
		return "edit"
	case s.Action == Remove:
		return "remove"
	case s.Kind == Link:
		return "link"
	case s.Action == Update:
		return "replace"
	}
	return "write"
}

// short writes a path below the home directory with "~".
func (p Place) short(path string) string {
	if rest, found := strings.CutPrefix(path, p.Home+"/"); found && p.Home != "" {
		return "~/" + rest
	}
	return path
}

// where is the place of a change for the person.
func (p Place) where(c Change) string {
	if c.Kind == Value {
		return `HKEY_CURRENT_USER\` + c.Path
	}
	return p.short(c.Path)
}

func (p Place) aside(s Step) string {
	why := s.Why
	switch {
	case s.Action == Leave:
		why = "it was changed since it was written: remove it yourself if you no longer need it"
	case s.Kind == Block && s.Action == Remove:
		why = "the lines of keybroker go"
	case s.Kind == Link && s.Action != Remove:
		return " -> " + p.short(s.Text) + "  (" + why + ")"
	}
	if why == "" {
		return ""
	}
	return "  (" + why + ")"
}

// showDiff writes the lines that go, with "-", and those that come, with "+".
func (s Step) showDiff(w io.Writer) {
	if s.Kind == Link || s.Action == Leave {
		return
	}
	after := s.Text
	if s.Action == Remove {
		after = ""
	}
	old, new := lines(s.before.text), lines(after)
	head := 0
	for head < len(old) && head < len(new) && old[head] == new[head] {
		head++
	}
	tail := 0
	for tail < len(old)-head && tail < len(new)-head && old[len(old)-1-tail] == new[len(new)-1-tail] {
		tail++
	}
	for _, line := range old[head : len(old)-tail] {
		fmt.Fprintf(w, "          - %s\n", platform.Escape(line, 400))
	}
	for _, line := range new[head : len(new)-tail] {
		fmt.Fprintf(w, "          + %s\n", platform.Escape(line, 400))
	}
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return slices.Collect(strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n"))
}
