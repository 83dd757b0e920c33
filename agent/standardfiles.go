package agent

import (
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/platform"
)

// StandardKnownHosts are the files that ssh reads without being told otherwise
// (ssh_config(5), UserKnownHostsFile and GlobalKnownHostsFile). Those of the
// machine's owner come first: their names lead.
func StandardKnownHosts() *KnownHosts {
	var paths []string
	if dir := platform.SystemSSH(); dir != "" {
		paths = append(paths, filepath.Join(dir, "ssh_known_hosts"), filepath.Join(dir, "ssh_known_hosts2"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		paths = append(paths, filepath.Join(home, ".ssh", "known_hosts"), filepath.Join(home, ".ssh", "known_hosts2"))
	}
	return NewKnownHosts(paths...)
}

// StandardSSHConfig are the files in which ssh looks up a host's name (ssh_config(5)).
func StandardSSHConfig() *SSHConfig {
	var files []ConfigFile
	if home, err := os.UserHomeDir(); err == nil {
		dir := filepath.Join(home, ".ssh")
		files = append(files, ConfigFile{Path: filepath.Join(dir, "config"), Dir: dir})
	}
	if dir := platform.SystemSSH(); dir != "" {
		files = append(files, ConfigFile{Path: filepath.Join(dir, "ssh_config"), Dir: dir})
	}
	return NewSSHConfig(files...)
}
