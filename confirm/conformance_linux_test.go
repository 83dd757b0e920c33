package confirm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// persons are all the ways to ask that a Linux desktop and a terminal have.
var persons = map[string]func(t *testing.T) person{
	"window":         windowPerson,
	"pinentry-qt":    func(t *testing.T) person { return pinentryPerson(t, "pinentry-qt") },
	"pinentry-gtk-2": func(t *testing.T) person { return pinentryPerson(t, "pinentry-gtk-2") },
	"zenity":         func(t *testing.T) person { return dialogPerson(t, "zenity") },
	"yad":            func(t *testing.T) person { return dialogPerson(t, "yad") },
	"askpass":        askpassPerson,
	"terminal":       terminalPerson,

	"window through XWayland": xwaylandPerson,
	"pinentry-qt on Wayland":  waylandPinentryPerson,
	"zenity on Wayland":       func(t *testing.T) person { return waylandDialogPerson(t, "zenity") },
	"yad on Wayland":          func(t *testing.T) person { return waylandDialogPerson(t, "yad") },
	"approve":                 approvePerson,
	"approve beside":          approveBesidePerson,
}

// keysPerson presses keys in the window that is shown.
func keysPerson(d *desktop, p Prompter, allow, allowLong, deny []string) person {
	press := func(keys []string) func(*testing.T, string) {
		return func(t *testing.T, _ string) { d.do(t, append([]string{"key", "--delay", "60"}, keys...)...) }
	}
	return person{
		prompter: p, wait: func(t *testing.T) string { return d.window(t) },
		allow: press(allow), allowLong: press(allowLong), deny: press(deny),
		kill: func(t *testing.T, _ string) { d.kill(t, p) }, gone: func(t *testing.T) { d.leavesNothing(t, p) },
	}
}

func windowPerson(t *testing.T) person {
	d := newDesktop(t)
	p := keysPerson(d, newWindowOn(t, d), []string{"alt+a"}, []string{"alt+f"}, []string{"Escape"})
	p.wait = func(t *testing.T) string {
		id := d.window(t)
		d.whenArmed(t, id)
		return id
	}
	return p
}

func pinentryPerson(t *testing.T, name string) person {
	d := newDesktop(t)
	return keysPerson(d, &pinentry{path: linkTo(t, name), env: d.env}, []string{"alt+a"}, []string{"alt+f"}, []string{"Return"})
}

// onceKeys go from the button of a dialog that denies, which has the focus, to the other.
var onceKeys = []string{"Tab", "Return"}

func dialogPerson(t *testing.T, name string) person {
	d := newDesktop(t)
	p := keysPerson(d, &dialog{path: linkTo(t, name), env: d.env}, onceKeys, nil, []string{"Return"})
	p.allowLong = nil
	return p
}

// askpassPerson answers through a program that waits for a file.
func askpassPerson(t *testing.T) person {
	dir := t.TempDir()
	path := script(t, "cd "+dir+" && echo $$ >new && mv new pid && until [ -e answer ]; do sleep 0.02; done; exit $(cat answer)")
	read := func(t *testing.T) (pid string) {
		for end := time.Now().Add(patience); pid == "" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			text, _ := os.ReadFile(filepath.Join(dir, "pid"))
			pid = strings.TrimSpace(string(text))
		}
		return pid
	}
	answer := func(status string) func(*testing.T, string) {
		return func(t *testing.T, _ string) {
			os.WriteFile(filepath.Join(dir, "new"), []byte(status), 0o600)
			os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "answer"))
		}
	}
	return person{
		prompter: &askpass{path: path, env: plainEnv}, wait: read, allow: answer("0"), deny: answer("1"), kill: answer("255"),
		gone: func(t *testing.T) {
			waitGone(t, read(t))
			os.Remove(filepath.Join(dir, "pid"))
			os.Remove(filepath.Join(dir, "answer"))
		},
	}
}

func terminalPerson(t *testing.T) person {
	screen := newPTY(t)
	p, err := newTerminal(screen.tty)
	if err != nil {
		t.Fatal(err)
	}
	return typingPerson(p, screen)
}

// approvePerson sits before the only way to ask: a terminal that is paired.
func approvePerson(t *testing.T) person {
	p, screen := newPaired(t, Config{Prompt: "approve"}), newPTY(t)
	p.pair(t, screen, screen)
	return typingPerson(p.Paired, screen)
}

// approveBesidePerson answers on the paired terminal what the daemon's own one shows too.
func approveBesidePerson(t *testing.T) person {
	own, screen := newPTY(t), newPTY(t)
	p := newPaired(t, Config{Prompt: "auto", Terminal: own.tty})
	p.pair(t, screen, own)
	sits := typingPerson(p.Paired, screen)
	wait := sits.wait
	sits.wait = func(t *testing.T) string { own.waitFor(t, "[N]o"); return wait(t) }
	gone := sits.gone
	sits.gone = func(t *testing.T) { gone(t); typingPerson(nil, own).gone(t) }
	return sits
}

// typingPerson answers on a terminal.
func typingPerson(p Prompter, screen *pty) person {
	typed := func(keys string) func(*testing.T, string) {
		return func(*testing.T, string) { screen.keys.WriteString(keys) }
	}
	return person{
		prompter: p, wait: func(t *testing.T) string { screen.waitFor(t, "[N]o"); return "" },
		allow: typed("y\r"), allowLong: typed("m\r"), deny: typed("\r"),
		gone: func(t *testing.T) {
			if !screen.echoes(t) {
				t.Error("the terminal is left as it was for the question")
			}
			screen.clear()
		},
	}
}
