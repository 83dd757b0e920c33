package service

// What Windows reads at logon, below the person's part of the registry. A task of the
// scheduler that starts at logon takes an administrator to make.
const (
	environmentKey = `Environment`
	runKey         = `Software\Microsoft\Windows\CurrentVersion\Run`
)

func (p Place) logonChanges() []Change {
	return []Change{
		{Kind: Value, Path: runKey + `\keybroker`, Text: p.logonCommand(), Why: "Windows starts the broker and the tray icon at logon"},
		{Kind: Value, Path: environmentKey + `\SSH_AUTH_SOCK`, Text: p.Paths.AgentSocket, Why: "for programs other than Windows' own ssh, which looks there by itself"},
	}
}

// logonCommand is the command line that starts the broker. The program for the desktop
// starts it without a window.
func (p Place) logonCommand() string {
	if p.Desktop == "" {
		return windowsQuoted(p.Program) + " daemon"
	}
	return windowsQuoted(p.Desktop) + " start"
}

// windowsQuoted needs no escapes: no name of a file has a quote.
func windowsQuoted(path string) string { return `"` + path + `"` }

// logonStart starts the broker now.
func (p *Plan) logonStart(place Place, running int) {
	if running != 0 || place.Desktop == "" {
		return
	}
	p.Commands = append(p.Commands, Command{Args: []string{place.Desktop, "start"}, Why: "the broker and the tray icon, now"})
}
