package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/platform"
)

// known are the programs that serve an ssh-agent's socket, by the names of their processes, which
// the kernel cuts to 15 bytes where it does not show the program's path.
var known = []struct {
	process, name, path, remedy string // path: a part of where its socket usually is
}{
	{"keybroker", "keybroker", "", ""},
	{"ssh-agent", "OpenSSH's ssh-agent", "/ssh-", "end it: kill PID"},
	{"gpg-agent", "GnuPG's gpg-agent", "gpg-agent", `take "enable-ssh-support" out of gpg-agent.conf, then: gpgconf --kill gpg-agent`},
	{"gnome-keyring-daemon", gnomeKeyring, "keyring/", `cp /etc/xdg/autostart/gnome-keyring-ssh.desktop ~/.config/autostart/ && echo Hidden=true >>~/.config/autostart/gnome-keyring-ssh.desktop, then log in again`},
	{"gcr-ssh-agent", "GNOME's gcr-ssh-agent", "gcr/", "systemctl --user mask --now gcr-ssh-agent.socket gcr-ssh-agent.service"},
	{"yubikey-agent", "yubikey-agent", "yubikey-agent", "systemctl --user disable --now yubikey-agent"},
	{"pivy-agent", "pivy-agent", "pivy", "end it: kill PID"},
	{"ssh-tpm-agent", "ssh-tpm-agent", "ssh-tpm-agent", "systemctl --user disable --now ssh-tpm-agent.socket ssh-tpm-agent.service"},
	{"1password", "1Password", "1password", "turn off Settings, Developer, Use the SSH agent"},
	{"bitwarden", "Bitwarden", "bitwarden", "turn off Settings, Enable SSH agent"},
	{"Secretive", "Secretive", "", ""},
	{"SecretAgent", "Secretive", "", ""},
	{"sshd", "sshd", "", ""},
	{"sshd-session", "sshd", "", ""},
	{"systemd", "systemd", "", ""},
}

const kernelName = 15 // bytes of a process's own name (proc_pid_comm(5))

// agentOf is the index in known, -1 for a program that is none of them.
func agentOf(p platform.Process) int {
	for i, k := range known {
		if p.Name == k.process || len(k.process) > kernelName && p.Name == k.process[:kernelName] {
			return i
		}
	}
	return -1
}

// described names a process for a person.
func described(p platform.Process) string {
	name := platform.Escape(p.Name, maxText)
	if i := agentOf(p); i >= 0 {
		name = known[i].name
	}
	return fmt.Sprintf("%s (process %d)", name, p.PID)
}

func remedyOf(p platform.Process) string {
	if i := agentOf(p); i >= 0 {
		return strings.ReplaceAll(known[i].remedy, "PID", fmt.Sprint(p.PID))
	}
	return ""
}

// checkAgents names the other agents of this user: what they hold is used without the
// broker's rules, questions and log.
func checkAgents(broker int) []Check {
	var others, remedies []string
	for _, process := range platform.Mine() {
		i := agentOf(process)
		if i < 0 || process.PID == broker || known[i].name == "sshd" || known[i].name == "systemd" || known[i].name == "keybroker" && !isDropIn(process) || known[i].name == gnomeKeyring && !servesKeyring() {
			continue
		}
		others = append(others, described(process))
		if remedy := remedyOf(process); remedy != "" && !slices.Contains(remedies, remedy) {
			remedies = append(remedies, remedy)
		}
	}
	if len(others) == 0 {
		return []Check{fine("other agents", "none")}
	}
	text := strings.Join(others, ", ") + ": keys there are used without the broker's rules and log"
	return []Check{noted("other agents", platform.Escape(text, maxAgents), "list them behind the broker ([[upstream]] in the guide), or "+strings.Join(remedies, "; or "))}
}

// maxAgents bounds the list of other agents, in characters.
const maxAgents = 400

const gnomeKeyring = "gnome-keyring"

// servesKeyring reports whether gnome-keyring is an agent. Without its ssh part it is a keychain.
func servesKeyring() bool {
	_, err := os.Stat(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "keyring", "ssh"))
	return err == nil
}

// isDropIn reports whether a keybroker stands in for ssh-agent.
func isDropIn(p platform.Process) bool {
	return len(p.Args) > 1 && p.Args[1] == "ssh-agent" || len(p.Args) > 0 && strings.HasSuffix(p.Args[0], "/ssh-agent")
}
