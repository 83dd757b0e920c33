package service

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Choice is what the person gave on the command line. A nil field was not given: then
// what was chosen at the last installation holds.
type Choice struct {
	Start                            Start // "": as it fits
	TakeOver, OverForwarded, NoShell *bool
}

func (c Choice) options(old *Manifest, fitting Start) Options {
	var o Options
	if old != nil {
		o = old.Options
	}
	for to, given := range map[*bool]*bool{&o.TakeOver: c.TakeOver, &o.OverForwarded: c.OverForwarded, &o.NoShell: c.NoShell} {
		if given != nil {
			*to = *given
		}
	}
	switch {
	case c.Start != "":
		o.Start = c.Start
	case o.Start == "":
		o.Start = fitting
	}
	return o
}

// Install plans an installation for the person at place. running is the process of a
// broker that was not started by a unit; 0: there is none.
func Install(ctx context.Context, place Place, choice Choice, running int) (*Plan, error) {
	old, err := ReadManifest(place.Manifest())
	if err != nil {
		return nil, err
	}
	options := choice.options(old, place.fitting())
	holders := place.Holders()
	wanted := place.wanted(options)
	if options.TakeOver {
		wanted = append(wanted, takenOver(holders, old)...)
	}
	plan := &Plan{place: place, path: place.Manifest(), folderMode: 0o700, manifest: Manifest{Format: manifestFormat, Program: place.Program, Version: place.Version, Options: options}}
	if err := errors.Join(checkFolders(wanted), plan.compare(wanted, old)); err != nil {
		return nil, err
	}
	plan.notes(place, options, holders)
	switch options.Start {
	case Systemd:
		plan.reachManager(ctx, place, options, holders, running)
	case Launchd:
		plan.launchctl(ctx, place)
	case Logon:
		plan.logonStart(place, running)
	case Autostart:
		plan.Notes = append(plan.Notes, "systemd did not start this machine: the desktop starts the broker at your next login; without a desktop nothing does: keybroker daemon")
	}
	return plan, nil
}

// fitting is how this system starts a person's programs.
func (p Place) fitting() Start {
	if system := systemStart; system != Systemd || p.bootedBySystemd() {
		return system
	}
	return Autostart
}

// wanted is what an installation writes, without what switches others off.
func (p Place) wanted(o Options) []Change {
	switch o.Start {
	case Launchd:
		return append(p.launchdChanges(), p.shellChanges(o)...)
	case Logon:
		return p.logonChanges()
	case Systemd:
		return append(append(p.systemdChanges(), p.autostartChanges(o)...), p.shellChanges(o)...)
	}
	return append(p.autostartChanges(o), p.shellChanges(o)...)
}

// takenOver are the changes that switch others off: those of today, and those that were
// made before and are why the others are not found any more.
func takenOver(holders []Holder, old *Manifest) []Change {
	var list []Change
	for _, h := range holders {
		list = append(list, h.changes...)
	}
	if old == nil || !old.Options.TakeOver {
		return list
	}
	for _, c := range old.Changes {
		if isTakeOver(c) && !slices.ContainsFunc(list, func(n Change) bool { return n.Path == c.Path }) {
			list = append(list, c)
		}
	}
	return list
}

func isTakeOver(c Change) bool {
	return c.Kind == Link && c.Text == "/dev/null" || c.Kind == File && (c.Text == hidden || c.Text == takeOverText)
}

// notes say what the installation leaves as it is.
func (p *Plan) notes(place Place, o Options, holders []Holder) {
	for _, h := range holders {
		if o.TakeOver && h.CanTakeOver() {
			continue
		}
		note := fmt.Sprintf("%s may take the broker's place: %s. To end that: %s", h.Name, h.What, h.Remedy)
		if h.CanTakeOver() {
			note += "; or give --take-over"
		}
		p.Notes = append(p.Notes, note)
	}
	if place.Desktop == "" && o.Start != Logon {
		p.Notes = append(p.Notes, "keybroker-desktop is not beside keybroker: there is no tray icon and no window for questions")
	}
	if strings.HasSuffix(place.Shell, "csh") && !o.NoShell {
		p.Notes = append(p.Notes, "your shell is "+place.Shell+": add to ~/.login: eval `keybroker env --shell csh`")
	}
}

// reachManager adds what makes the installation hold at once, where the person's manager
// answers.
func (p *Plan) reachManager(ctx context.Context, place Place, o Options, holders []Holder, running int) {
	m := findManager(ctx, "--user")
	if m == nil {
		p.Notes = append(p.Notes, "no systemd of yours answers here: the broker is there after your next login")
		return
	}
	if dir := m.config(ctx); dir != "" && filepath.Clean(dir) != filepath.Clean(place.Config) {
		p.Notes = append(p.Notes, fmt.Sprintf("systemd of yours reads units in %s, and not in %s: it will not start the broker at login. Run this with XDG_CONFIG_HOME=%s, or set the variable for all of your login", dir, place.Config, platform.ShellWord(dir)))
	}
	if p.touchesUnits() {
		p.Commands = append(p.Commands, m.command("systemd reads the units", "daemon-reload"))
	}
	if o.TakeOver {
		p.stopOthers(ctx, m, holders)
	}
	socket := place.Runtime + "/keybroker/agent.sock"
	if is, err := m.variable(ctx, "SSH_AUTH_SOCK"); err == nil && is != socket {
		p.Commands = append(p.Commands, m.command("programs that are started from now on find the broker", "set-environment", "SSH_AUTH_SOCK="+socket))
	}
	if m.active(ctx, socketUnit) && m.active(ctx, controlSocket) {
		return
	}
	start := m.command("the first request starts the broker", "start", socketUnit, controlSocket)
	if running != 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("a broker runs already, as process %d, and keeps its sockets: systemd starts the next one. To have that now: kill %d; %s", running, running, strings.Join(start.Args, " ")))
		return
	}
	p.Commands = append(p.Commands, start)
}

// touchesUnits reports whether a file that systemd reads is changed.
func (p *Plan) touchesUnits() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool {
		return s.Action != Keep && s.Action != Leave && (strings.Contains(s.Path, "/systemd/") || strings.Contains(s.Path, "/environment.d/"))
	})
}

func (p *Plan) stopOthers(ctx context.Context, m *manager, holders []Holder) {
	for _, h := range holders {
		for _, unit := range h.stop {
			if m.active(ctx, unit) {
				p.Commands = append(p.Commands, m.command(h.Name+" ends, with the keys that it holds", "stop", unit))
				if !slices.Contains(p.manifest.Stopped, unit) {
					p.manifest.Stopped = append(p.manifest.Stopped, unit)
				}
			}
		}
	}
}

// ErrNothing means that nothing is installed.
var ErrNothing = problem.New("nothing is installed here", "see: keybroker service status")

// Uninstall plans the end of an installation.
func Uninstall(ctx context.Context, place Place) (*Plan, error) {
	old, err := ReadManifest(place.Manifest())
	if err != nil {
		return nil, err
	}
	if old == nil {
		return nil, ErrNothing
	}
	plan := &Plan{place: place, path: place.Manifest(), folderMode: 0o700}
	if err := plan.compare(nil, old); err != nil {
		return nil, err
	}
	plan.reverse()
	switch old.Options.Start {
	case Systemd:
		plan.leaveManager(ctx, old)
	case Launchd:
		plan.launchctl(ctx, place)
	default:
		plan.Notes = append(plan.Notes, "a broker that runs stays until you log out or end it")
	}
	return plan, nil
}

// leaveManager ends the broker and what the manager knows of it.
func (p *Plan) leaveManager(ctx context.Context, old *Manifest) {
	m := findManager(ctx, "--user")
	if m == nil {
		return
	}
	if list := m.activeOf(ctx, socketUnit, controlSocket, serviceUnit); len(list) > 0 {
		p.First = append(p.First, m.command("the broker and its sockets end", append([]string{"stop"}, list...)...))
	}
	if value, err := m.variable(ctx, "SSH_AUTH_SOCK"); err == nil && strings.HasSuffix(value, "/keybroker/agent.sock") {
		p.First = append(p.First, m.command("the variable goes", "unset-environment", "SSH_AUTH_SOCK"))
	}
	if p.touchesUnits() {
		p.Commands = append(p.Commands, m.command("systemd reads the units", "daemon-reload"))
	}
	for _, unit := range old.Stopped {
		if isOthersUnit(unit) { // the manifest is a file like others
			p.Commands = append(p.Commands, m.command("it was stopped by --take-over", "start", unit))
		}
	}
}

func isOthersUnit(unit string) bool {
	return slices.ContainsFunc(unitHolders, func(h struct {
		name  string
		units []string
	}) bool {
		return slices.Contains(h.units, unit)
	})
}
