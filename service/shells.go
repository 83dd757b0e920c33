package service

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// shellChanges set SSH_AUTH_SOCK in login shells, which environment.d does not reach: ssh
// logins, text consoles, and desktops whose display manager starts the session by itself.
func (p Place) shellChanges(o Options) []Change {
	if o.NoShell {
		return nil
	}
	var list []Change
	for _, path := range p.startFiles() {
		list = append(list, Change{Kind: Block, Path: path, Text: p.shLines(o), Why: "SSH_AUTH_SOCK in login shells"})
	}
	if p.usesFish() {
		list = append(list, Change{Kind: File, Path: filepath.Join(p.Config, "fish/conf.d/keybroker.fish"), Text: p.fishLines(o), Why: "SSH_AUTH_SOCK in fish"})
	}
	return list
}

// startFiles are the files that login shells of the person read: ~/.profile, the file
// that bash reads in its place, and that of zsh, which reads no other.
func (p Place) startFiles() []string {
	list := []string{filepath.Join(p.Home, ".profile")}
	for _, name := range []string{".bash_profile", ".bash_login"} { // bash reads the first one that is there
		path := filepath.Join(p.Home, name)
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if !strings.Contains(string(text), ".profile") { // else it reads ~/.profile itself
			list = append(list, path)
		}
		break
	}
	zprofile := filepath.Join(p.Home, ".zprofile")
	if _, err := os.Lstat(zprofile); err == nil || p.Shell == "zsh" {
		list = append(list, zprofile)
	}
	return list
}

func (p Place) usesFish() bool {
	_, err := os.Stat(filepath.Join(p.Config, "fish"))
	return p.Shell == "fish" || err == nil
}

// othersSockets are the sockets of agents that a desktop starts by itself, as patterns.
// A forwarded agent's socket and that of an ssh-agent of the person are not among them.
var othersSockets = []string{"*/keyring/ssh", "*/keyring/.ssh", "*/gcr/ssh", "*/openssh_agent", "*/gnupg/*S.gpg-agent.ssh"}

// socketWord is the path of the agent's socket for a shell.
func (p Place) socketWord(o Options) string {
	if o.Start == Systemd {
		return fmt.Sprintf("${XDG_RUNTIME_DIR:-/run/user/%d}/keybroker/agent.sock", p.UID)
	}
	return shellQuoted(p.Paths.AgentSocket)
}

// shellQuoted escapes what is special between double quotes.
func shellQuoted(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(text)
}

// shLines leave alone what is set already, unless the person chose otherwise: a forwarded
// agent, an agent of one's own, and a socket with a view.
func (p Place) shLines(o Options) string {
	set, test := `export SSH_AUTH_SOCK="`+p.socketWord(o)+`"`, ""
	if o.Start == Systemd { // otherwise the broker starts only after this is read
		test = `[ -S "` + p.socketWord(o) + `" ] && `
	}
	return `case "${SSH_CONNECTION:+ssh}:${SSH_AUTH_SOCK:-}" in
*/keybroker/*) ;;
` + strings.Join(p.replaced(o), " | ") + `) ` + test + set + ` ;;
*) ;;
esac || :
`
}

// replaced are patterns of "ssh:SOCKET" or ":SOCKET" whose place the broker takes.
func (p Place) replaced(o Options) []string {
	list := []string{":", "ssh:"}
	if o.Start == Launchd { // every program of macOS has the system's own agent
		list = append(list, ":/private/tmp/com.apple.launchd.*", ":/var/run/com.apple.launchd.*")
	}
	if o.TakeOver {
		for _, pattern := range othersSockets {
			list = append(list, ":"+pattern)
		}
	}
	if o.OverForwarded {
		list = append(list, "ssh:*")
	}
	return list
}

func (p Place) fishLines(o Options) string {
	socket, test := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(p.Paths.AgentSocket), ""
	if o.Start == Systemd {
		socket = "$runtime/keybroker/agent.sock"
		test = `test -S "` + socket + `"; and `
	}
	return fmt.Sprintf(`# Written by "keybroker service install", removed by "keybroker service uninstall".
set -l runtime /run/user/%d
set -q XDG_RUNTIME_DIR; and set runtime $XDG_RUNTIME_DIR
set -l from :
set -q SSH_CONNECTION; and set from ssh:
switch "$from$SSH_AUTH_SOCK"
    case '*/keybroker/*'
    case '%s'
        %sset -gx SSH_AUTH_SOCK "%s"
end
`, p.UID, strings.Join(p.replaced(o), "' '"), test, socket)
}
