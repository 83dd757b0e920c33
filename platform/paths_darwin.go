package platform

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/problem"
)

// defaultPaths keeps the sockets out of $TMPDIR, which the system clears of
// files that were not used for some days. Not tested on macOS.
const machinePolicy = "/Library/Application Support/keybroker/policy.toml"

func defaultPaths() (Paths, error) {
	home, err := os.UserHomeDir()
	if err == nil && !filepath.IsAbs(home) {
		err = fmt.Errorf("%q is not an absolute path", home)
	}
	if err != nil {
		return Paths{}, problem.With(fmt.Errorf("paths: the home directory is not known: %w", err), "set HOME")
	}
	dir := filepath.Join(home, "Library", "Application Support", "keybroker")
	return Paths{
		AgentSocket:   filepath.Join(dir, "run", "agent.sock"),
		ControlSocket: filepath.Join(dir, "run", "control.sock"),
		ConfigFile:    filepath.Join(dir, "config.toml"),
		MachinePolicy: machinePolicy,
		DataDir:       dir,
		StateDir:      filepath.Join(dir, "state"),
		RuntimeDir:    filepath.Join(dir, "run"),
	}, nil
}
