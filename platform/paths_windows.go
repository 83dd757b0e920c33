package platform

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// defaultPaths asks the system, not the environment, which a parent process could have
// changed. The agent's pipe is the one that Windows' own ssh uses.
func defaultPaths() (Paths, error) {
	user := currentUser()
	roaming, err1 := windows.KnownFolderPath(windows.FOLDERID_RoamingAppData, 0)
	local, err2 := windows.KnownFolderPath(windows.FOLDERID_LocalAppData, 0)
	machine, err3 := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err := errors.Join(err1, err2, err3); err != nil {
		return Paths{}, fmt.Errorf("paths: %w", err)
	}
	if user == "" {
		return Paths{}, errors.New("paths: the system does not name this user")
	}
	return Paths{
		AgentSocket:   pipePrefix + "openssh-ssh-agent",
		ControlSocket: ownPipe("control"),
		ConfigFile:    filepath.Join(roaming, "keybroker", "config.toml"),
		MachinePolicy: filepath.Join(machine, "keybroker", "policy.toml"),
		DataDir:       filepath.Join(local, "keybroker"),
		StateDir:      filepath.Join(local, "keybroker", "state"),
		RuntimeDir:    filepath.Join(local, "keybroker", "run"),
	}, nil
}

func (Paths) socket(name string) string { return ownPipe(name) }

// ownPipe has the user's SID in its name: the names of pipes are the machine's.
func ownPipe(name string) string { return pipePrefix + "keybroker-" + name + "-" + currentUser() }

// systemSSH is where OpenSSH for Windows looks (its __PROGRAMDATA__/ssh).
func systemSSH() string {
	machine, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		return ""
	}
	return filepath.Join(machine, "ssh")
}
