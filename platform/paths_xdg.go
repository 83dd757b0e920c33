//go:build unix && !darwin

package platform

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/keybroker/keybroker/problem"
)

const machinePolicy = "/etc/keybroker/policy.toml"

func defaultPaths() (Paths, error) {
	config, err1 := baseDir("XDG_CONFIG_HOME", ".config")
	data, err2 := baseDir("XDG_DATA_HOME", ".local/share")
	state, err3 := baseDir("XDG_STATE_HOME", ".local/state")
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return Paths{}, err
		}
	}
	run := runtimeDir(state)
	return Paths{
		AgentSocket:   filepath.Join(run, "agent.sock"),
		ControlSocket: filepath.Join(run, "control.sock"),
		ConfigFile:    filepath.Join(config, "config.toml"),
		MachinePolicy: machinePolicy,
		DataDir:       data,
		StateDir:      state,
		RuntimeDir:    run,
	}, nil
}

// baseDir ignores a relative value, as the specification says.
func baseDir(variable, fallback string) (string, error) {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, "keybroker"), nil
	}
	home := os.Getenv("HOME")
	if !filepath.IsAbs(home) {
		return "", problem.New("paths: the home directory is not known", "set HOME, or XDG_CONFIG_HOME, XDG_DATA_HOME and XDG_STATE_HOME, to absolute paths")
	}
	return filepath.Join(home, fallback, "keybroker"), nil
}

// runtimeDir is never a directory that another user could have made first, such as one
// in /tmp. XDG_RUNTIME_DIR is checked: after su or sudo -E it is still the other
// user's.
func runtimeDir(state string) string {
	given := os.Getenv("XDG_RUNTIME_DIR")
	for _, dir := range []string{given, "/run/user/" + strconv.Itoa(os.Getuid())} {
		if filepath.IsAbs(dir) && (onlyWeWrite(dir) || madeByRoot(dir)) {
			return filepath.Join(dir, "keybroker")
		}
	}
	return filepath.Join(state, "run")
}

func onlyWeWrite(dir string) bool { return writtenOnlyBy(os.Getuid(), dir) }

// madeByRoot accepts a directory of root's that has one for us: the units of a service
// account make both. In that of root's own session we could see nothing.
func madeByRoot(dir string) bool {
	return writtenOnlyBy(0, dir) && writtenOnlyBy(0, filepath.Join(dir, "keybroker"))
}

func writtenOnlyBy(uid int, dir string) bool {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return false
	}
	return int(info.Sys().(*syscall.Stat_t).Uid) == uid
}
