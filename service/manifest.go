package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// manifestFormat is the version of the manifest's file.
const manifestFormat = 1

// Manifest is what an installation wrote, so that it can be taken back.
type Manifest struct {
	Format  int      `json:"format"`
	Program string   `json:"program"` // that the system starts
	Version string   `json:"version"` // of the program that installed
	Options Options  `json:"options"`
	Changes []Change `json:"changes"`
	Folders []string `json:"folders"` // that were made, each after the one above it
	Stopped []string `json:"stopped"` // units of others that ran and were stopped
}

// Options are what the person chose. A second installation keeps them.
type Options struct {
	Start         Start `json:"start"`
	TakeOver      bool  `json:"take_over"`      // other agents are switched off
	OverForwarded bool  `json:"over_forwarded"` // also in ssh logins that bring an agent along
	NoShell       bool  `json:"no_shell"`       // the start files of shells are left alone
}

// Start is how the broker is started.
type Start string

const (
	Systemd   Start = "systemd"   // by a unit of the user
	Autostart Start = "autostart" // with the desktop
	Launchd   Start = "launchd"   // macOS
	Logon     Start = "logon"     // Windows
)

// ReadManifest returns nil if nothing is installed. Where somebody else could put a
// manifest in place, such as in the directories of whose session root came from, it is an
// error.
func ReadManifest(path string) (*Manifest, error) {
	if err := platform.CheckTrustedDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	data, err := platform.ReadTrusted(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, problem.With(fmt.Errorf("%s, which says what was installed, cannot be read: %w", path, err), "remove it, and run keybroker service install again: files that are still as it would write them count as its own")
	}
	if m.Format != manifestFormat {
		return nil, problem.With(fmt.Errorf("%s was written by another version of keybroker (format %d)", path, m.Format), "use that version")
	}
	return m, nil
}

func (m *Manifest) write(path string) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return platform.WriteFileAtomic(path, append(data, '\n'), 0o600)
}

// of returns the change that was made at the same place.
func (m *Manifest) of(c Change) (Change, bool) {
	if m != nil {
		for _, old := range m.Changes {
			if old.Kind == c.Kind && old.Path == c.Path {
				return old, true
			}
		}
	}
	return Change{}, false
}
