package service

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/platform"
)

// Status is whether the broker is started at login, and who holds SSH_AUTH_SOCK. The
// texts are for the person.
type Status struct {
	Installed   string   `json:"installed"`
	Enabled     string   `json:"enabled"`
	Running     *Broker  `json:"running"`      // nil: no broker runs
	Shell       string   `json:"this_shell"`   // SSH_AUTH_SOCK here
	NewPrograms string   `json:"new_programs"` // SSH_AUTH_SOCK of programs that the session starts
	LoginShells string   `json:"login_shells"`
	Others      []Holder `json:"others"`
	Notes       []string `json:"notes"`
	Start       Start    `json:"start"` // "": not installed
	Ours        bool     `json:"ours"`  // SSH_AUTH_SOCK here is a socket of the broker
}

// Broker is a running broker.
type Broker struct {
	PID     int    `json:"pid"`
	Version string `json:"version"` // "": it does not answer
	ByUnit  bool   `json:"by_unit"` // systemd started it
}

// Inspect looks at what is installed.
func Inspect(ctx context.Context, place Place) (Status, error) {
	m, err := ReadManifest(place.Manifest())
	if err != nil {
		return Status{}, err
	}
	s := Status{Installed: "no: keybroker service install", Enabled: "no", Others: place.Holders(), Notes: []string{}}
	if s.Others == nil {
		s.Others = []Holder{}
	}
	s.Shell, s.Ours = place.shellText(ctx, os.Getenv("SSH_AUTH_SOCK"))
	s.LoginShells = "nothing sets it"
	if m != nil {
		s.Start = m.Options.Start
		s.Installed = fmt.Sprintf("yes, by version %s, to start %s", m.Version, m.Program)
		s.Notes = m.deviations(place)
		s.LoginShells = m.loginShells(place)
	}
	if s.Start == Autostart || s.Start == Launchd || s.Start == Logon {
		s.Enabled = "yes, at login"
	}
	manager := findManager(ctx, "--user")
	if place.unitEnabled() {
		s.Enabled = "yes, " + socketUnit
		if manager != nil && !manager.active(ctx, socketUnit) {
			s.Enabled += ", which does not listen now: systemctl --user start " + socketUnit
		}
	}
	s.NewPrograms = place.newPrograms(ctx, manager, m)
	return s, nil
}

// unitEnabled also holds for a package that enables the units for everybody.
func (p Place) unitEnabled() bool {
	for _, dir := range p.allUnitDirs() {
		if _, err := os.Lstat(filepath.Join(dir, "sockets.target.wants", socketUnit)); err == nil {
			return true
		}
	}
	return false
}

// shellText says whose socket SSH_AUTH_SOCK is.
func (p Place) shellText(ctx context.Context, value string) (text string, ours bool) {
	shown := platform.Escape(value, 200)
	if value == "" {
		return "SSH_AUTH_SOCK is not set: log in again, or eval \"$(keybroker env)\"", false
	}
	if filepath.Clean(value) == p.Paths.AgentSocket || filepath.Dir(value) == p.Paths.RuntimeDir {
		return shown + ", the broker's", true
	}
	conn, err := platform.Dial(ctx, value)
	if err != nil {
		return shown + ", where nobody answers", false
	}
	defer conn.Close()
	if peer, err := platform.PeerOf(conn); err == nil && peer.Name != "" {
		return fmt.Sprintf("%s, of %s (process %d)", shown, platform.Escape(peer.Name, 40), peer.PID), false
	}
	return shown + ", of another agent", false
}

// newPrograms says what programs get that the session starts.
func (p Place) newPrograms(ctx context.Context, manager *manager, m *Manifest) string {
	if value, err := manager.variable(ctx, "SSH_AUTH_SOCK"); err == nil {
		if value == "" {
			return "SSH_AUTH_SOCK is not set"
		}
		text, _ := p.shellText(ctx, value)
		return text
	}
	if m != nil {
		for _, c := range m.Changes {
			if c.Path == p.environmentFile() || c.Kind == Value {
				return "the broker's, from the next login on"
			}
		}
	}
	return "not known: no service manager answers"
}

// loginShells are the files that set the variable.
func (m *Manifest) loginShells(place Place) string {
	var list []string
	for _, c := range m.Changes {
		if c.Kind == Block || strings.HasSuffix(c.Path, ".fish") {
			list = append(list, place.short(c.Path))
		}
	}
	if len(list) == 0 {
		return "nothing sets it"
	}
	return "the broker's, by " + strings.Join(list, ", ")
}

// deviations are the changes that are no longer as they were written.
func (m *Manifest) deviations(place Place) []string {
	list := []string{}
	for _, c := range m.Changes {
		before, err := c.look()
		switch {
		case err != nil:
			list = append(list, platform.Text(err))
		case !before.there:
			list = append(list, c.Path+" is missing: keybroker service install")
		case before.text != c.Text:
			list = append(list, c.Path+" was changed since it was written")
		}
	}
	if m.Program != place.Program {
		list = append(list, fmt.Sprintf("the system starts %s, and this is %s: keybroker service install", m.Program, place.Program))
	}
	return slices.Compact(list)
}
