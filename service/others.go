package service

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/keys/ascii"
)

// Holder is another agent that sets SSH_AUTH_SOCK, or takes its place.
type Holder struct {
	Name   string `json:"name"`
	What   string `json:"what"`   // how it gets in the way
	Remedy string `json:"remedy"` // what the person can do

	changes []Change // what --take-over does
	stop    []string // units that --take-over stops
}

// CanTakeOver reports whether --take-over switches it off.
func (h Holder) CanTakeOver() bool { return len(h.changes) > 0 }

// unitHolders are agents that a unit of the user starts, with all its units.
var unitHolders = []struct {
	name  string
	units []string
}{
	{"gcr-ssh-agent (GNOME)", []string{"gcr-ssh-agent.socket", "gcr-ssh-agent.service"}},
	{"ssh-agent (OpenSSH)", []string{"ssh-agent.socket", "ssh-agent.service"}},
	{"yubikey-agent", []string{"yubikey-agent.service"}},
}

// desktopHolders are the agents of Linux desktops, and those in the person's ssh_config.
func (p Place) desktopHolders() []Holder {
	var list []Holder
	for _, h := range unitHolders {
		if unit := p.enabledUnit(h.units); unit != "" {
			list = append(list, p.unitHolder(h.name, unit, h.units))
		}
	}
	for _, find := range []func() (Holder, bool){p.gnomeKeyring, p.gpgAgent, p.gpgAgentOnX11, p.environmentFiles, p.identityAgent} {
		if h, found := find(); found {
			list = append(list, h)
		}
	}
	return list
}

// enabledUnit returns the first unit that starts by itself and is not masked.
func (p Place) enabledUnit(names []string) string {
	for _, name := range names {
		if p.masked(name) {
			continue
		}
		for _, dir := range p.allUnitDirs() {
			wants, _ := filepath.Glob(filepath.Join(dir, "*.wants", name))
			if len(wants) > 0 {
				return name
			}
		}
	}
	return ""
}

// masked reports whether the person or the machine's owner has switched the unit off.
func (p Place) masked(unit string) bool {
	for _, dir := range []string{p.ownUnits(), p.Root + "/etc/systemd/user"} {
		if target, err := os.Readlink(filepath.Join(dir, unit)); err == nil && target == os.DevNull {
			return true
		}
	}
	return false
}

func (p Place) unitHolder(name, unit string, units []string) Holder {
	h := Holder{Name: name, What: unit + " starts it at login", Remedy: "systemctl --user mask --now " + strings.Join(p.known(units), " "), stop: p.known(units)}
	if isFile(filepath.Join(p.ownUnits(), unit)) { // the person wrote it, and a mask would take its place
		return Holder{Name: name, What: "your unit " + unit + " starts it at login", Remedy: "systemctl --user disable --now " + unit}
	}
	for _, name := range h.stop {
		h.changes = append(h.changes, Change{Kind: Link, Path: filepath.Join(p.ownUnits(), name), Text: os.DevNull, Why: "switches " + name + " off (masks it)"})
	}
	return h
}

// known are the units that this system has.
func (p Place) known(units []string) (list []string) {
	for _, name := range units {
		for _, dir := range p.allUnitDirs() {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				list = append(list, name)
				break
			}
		}
	}
	return list
}

const keyringFile = "gnome-keyring-ssh.desktop"

// hidden is what switches an autostart file of the system off (the XDG autostart
// specification).
const hidden = `# Written by "keybroker service install --take-over", removed by "keybroker service uninstall".
[Desktop Entry]
Type=Application
Name=gnome-keyring ssh
Hidden=true
`

// gnomeKeyring is the agent in gnome-keyring up to version 45. Its keychain goes on.
func (p Place) gnomeKeyring() (Holder, bool) {
	own := filepath.Join(p.Config, "autostart", keyringFile)
	text, err := os.ReadFile(own)
	if err == nil && strings.Contains(string(text), "Hidden=true") || !isFile(p.Root+"/etc/xdg/autostart/"+keyringFile) {
		return Holder{}, false
	}
	h := Holder{
		Name: "gnome-keyring", What: "/etc/xdg/autostart/" + keyringFile + " starts its ssh part on GNOME, Unity and MATE",
		Remedy: "cp /etc/xdg/autostart/" + keyringFile + " ~/.config/autostart/, with the line Hidden=true at its end",
	}
	h.changes = []Change{{Kind: File, Path: own, Text: hidden, Why: "switches the ssh part of gnome-keyring off; its keychain stays"}}
	return h, true
}

// gpgAgent sets the variable where gpg-agent.conf has enable-ssh-support: a generator of
// the user's manager asks for that.
func (p Place) gpgAgent() (Holder, bool) {
	own := filepath.Join(p.ownUnits(), socketUnit+".d", "take-over.conf")
	text, _ := os.ReadFile(own)
	path, enabled := p.gpgSSH()
	if !enabled || string(text) == takeOverText {
		return Holder{}, false
	}
	return Holder{
		Name: "gpg-agent", What: path + " has enable-ssh-support, so the system sets SSH_AUTH_SOCK to gpg-agent at login",
		Remedy:  "remove that line; its keys come to the broker as an [[upstream]] (docs/guide.md)",
		changes: []Change{{Kind: File, Path: own, Text: takeOverText, Why: "sets SSH_AUTH_SOCK after gpg-agent's generator"}},
	}, true
}

const gpgXsession = "/etc/X11/Xsession.d/90gpg-agent"

// gpgAgentOnX11 is Debian's script that asks for the same at the start of an X session. It replaces
// whatever is set, and no file of the person is read after it.
func (p Place) gpgAgentOnX11() (Holder, bool) {
	path, enabled := p.gpgSSH()
	return Holder{
		Name: "gpg-agent", What: gpgXsession + " sets SSH_AUTH_SOCK to gpg-agent in X sessions, whatever was set before",
		Remedy: "remove enable-ssh-support from " + path,
	}, enabled && isFile(p.Root+gpgXsession)
}

// gpgSSH is the path of gpg-agent.conf, and whether it has enable-ssh-support.
func (p Place) gpgSSH() (path string, enabled bool) {
	home := os.Getenv("GNUPGHOME")
	if home == "" {
		home = filepath.Join(p.Home, ".gnupg")
	}
	path = filepath.Join(home, "gpg-agent.conf")
	return path, hasLine(path, func(line string) bool { return line == "enable-ssh-support" })
}

// takeOverText sets the variable in the manager itself, where it comes before what
// generators and environment.d set.
const takeOverText = `# Written by "keybroker service install --take-over", removed by "keybroker service uninstall".
[Socket]
ExecStartPost=-systemctl --user set-environment SSH_AUTH_SOCK=%t/keybroker/agent.sock
`

// environmentFiles are files of the person that set the variable, too.
func (p Place) environmentFiles() (Holder, bool) {
	paths, _ := filepath.Glob(filepath.Join(filepath.Dir(p.environmentFile()), "*.conf"))
	for _, path := range paths {
		if path != p.environmentFile() && hasLine(path, func(line string) bool { return strings.HasPrefix(line, "SSH_AUTH_SOCK=") }) {
			return Holder{Name: filepath.Base(path), What: path + " sets SSH_AUTH_SOCK", Remedy: "remove that line"}, true
		}
	}
	return Holder{}, false
}

// identityAgent finds ssh_config's IdentityAgent, which comes before SSH_AUTH_SOCK.
// 1Password and Secretive tell people to set it.
func (p Place) identityAgent() (Holder, bool) {
	path := filepath.Join(p.Home, ".ssh", "config")
	name := "ssh_config"
	found := hasLine(path, func(line string) bool {
		word, value, _ := strings.Cut(strings.NewReplacer("=", " ", "\t", " ").Replace(line), " ")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch {
		case !ascii.EqualFold(word, "IdentityAgent") || value == "SSH_AUTH_SOCK" || strings.Contains(value, "/keybroker/"):
			return false
		case strings.Contains(value, "1password"):
			name = "1Password"
		case strings.Contains(value, "secretive"):
			name = "Secretive"
		}
		return true
	})
	return Holder{Name: name, What: path + " has IdentityAgent, which comes before SSH_AUTH_SOCK", Remedy: "remove that line, or make it: IdentityAgent SSH_AUTH_SOCK"}, found
}

// hasLine reports whether a line of the file, without blanks around it, is such a one.
func hasLine(path string, is func(line string) bool) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if is(strings.TrimSpace(lines.Text())) {
			return true
		}
	}
	return false
}
