package service

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/packaging"
)

// The units, in the order in which they are shown. The sockets are enabled.
const (
	serviceUnit   = "keybroker.service"
	socketUnit    = "keybroker.socket"
	controlSocket = "keybroker-control.socket"
)

var units = []string{serviceUnit, socketUnit, controlSocket}

// unitDirs are where packages put units of users, below the root.
var unitDirs = []string{"/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user", "/usr/local/share/systemd/user", "/usr/share/systemd/user"}

// ownUnits is where a person's own units are.
func (p Place) ownUnits() string { return filepath.Join(p.Config, "systemd/user") }

// allUnitDirs are the directories of user units, the person's own first. The second one is
// where make install PREFIX=~/.local puts them.
func (p Place) allUnitDirs() []string {
	list := []string{p.ownUnits(), filepath.Join(filepath.Dir(p.Paths.DataDir), "systemd/user")}
	for _, dir := range unitDirs {
		list = append(list, p.Root+dir)
	}
	return list
}

// systemdChanges are the units, unless a package has installed them, what enables them,
// and the variable for programs that the user's manager starts.
func (p Place) systemdChanges() []Change {
	dir := p.packagedUnits()
	var list []Change
	if dir == "" {
		dir = p.ownUnits()
		for _, name := range units {
			list = append(list, Change{Kind: File, Path: filepath.Join(dir, name), Text: p.unit(name), Why: unitWhy[name]})
		}
	}
	for _, name := range []string{socketUnit, controlSocket} {
		list = append(list, Change{Kind: Link, Path: filepath.Join(p.ownUnits(), "sockets.target.wants", name), Text: filepath.Join(dir, name), Why: "enables it at each login"})
	}
	return append(list, Change{Kind: File, Path: p.environmentFile(), Text: environmentText, Why: "SSH_AUTH_SOCK for programs that systemd and the desktop start"})
}

var unitWhy = map[string]string{
	serviceUnit:   "runs the broker",
	socketUnit:    "the first request starts the broker",
	controlSocket: "so does the first command",
}

const environmentText = `# Written by "keybroker service install", removed by "keybroker service uninstall".
SSH_AUTH_SOCK=${XDG_RUNTIME_DIR}/keybroker/agent.sock
`

// environmentFile is read by the user's manager at its start (environment.d(5)). The
// files are read in the order of their names, and the last one holds.
func (p Place) environmentFile() string {
	return filepath.Join(p.Config, "environment.d", "90-keybroker.conf")
}

// packagedUnits is the directory in which a package has installed the units, if they
// start this program; otherwise "".
func (p Place) packagedUnits() string {
	for _, dir := range p.allUnitDirs()[1:] {
		text, err := os.ReadFile(filepath.Join(dir, serviceUnit))
		if err != nil || !strings.Contains(string(text), "\nExecStart="+unitWord(p.Program)+" daemon\n") {
			continue
		}
		if isFile(filepath.Join(dir, socketUnit)) && isFile(filepath.Join(dir, controlSocket)) {
			return dir
		}
	}
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// unit is the text of a unit with the path of this program.
func (p Place) unit(name string) string {
	text := shipped("systemd/" + name)
	return strings.ReplaceAll(text, "\nExecStart=/usr/bin/keybroker ", "\nExecStart="+unitWord(p.Program)+" ")
}

// shipped is the text of a file of packaging.
func shipped(name string) string {
	text, err := packaging.Files.ReadFile(name)
	if err != nil {
		panic(err) // it is part of this program
	}
	return string(text)
}

// unitWord writes a word of ExecStart= (systemd.service(5), "Command lines").
func unitWord(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+@:~,=", r)
	}
	if strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	word = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, "\n", `\n`).Replace(word)
	return fmt.Sprintf(`"%s"`, word)
}
