package ways

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

func TestConformance(t *testing.T) { confirmtest.Conformance(t, persons) }

// persons has a person for every way to ask on a Linux desktop and in a terminal.
var persons = map[string]func(t *testing.T) confirmtest.Person{
	"window":         windowPerson,
	"pinentry-qt":    func(t *testing.T) confirmtest.Person { return pinentryPerson(t, "pinentry-qt") },
	"pinentry-gtk-2": func(t *testing.T) confirmtest.Person { return pinentryPerson(t, "pinentry-gtk-2") },
	"zenity":         func(t *testing.T) confirmtest.Person { return dialogPerson(t, "zenity") },
	"yad":            func(t *testing.T) confirmtest.Person { return dialogPerson(t, "yad") },
	"askpass":        askpassPerson,
	"terminal":       terminalPerson,

	"window through XWayland": xwaylandPerson,
	"zenity on Wayland":       func(t *testing.T) confirmtest.Person { return waylandDialogPerson(t, "zenity") },
	"yad on Wayland":          func(t *testing.T) confirmtest.Person { return waylandDialogPerson(t, "yad") },
}

// keyboardPerson answers with the keyboard in the shown window.
func keyboardPerson(d *desktop, p confirm.Prompter, allow, allowLong, deny []string) confirmtest.Person {
	press := func(keys []string) func(*testing.T, string) {
		return func(t *testing.T, _ string) { d.xdotool(t, append([]string{"key", "--delay", "60"}, keys...)...) }
	}
	return confirmtest.Person{
		Prompter: p, Wait: func(t *testing.T) string { return d.focusPrompt(t) },
		Allow: press(allow), AllowLong: press(allowLong), Deny: press(deny),
		Kill: func(t *testing.T, _ string) { d.kill(t, p) }, WantGone: func(t *testing.T) { d.wantNoProcess(t, p) },
	}
}

func windowPerson(t *testing.T) confirmtest.Person {
	d := newDesktop(t)
	p := keyboardPerson(d, newWindowOn(t, d), []string{"alt+a"}, []string{"alt+f"}, []string{"Escape"})
	p.Wait = func(t *testing.T) string {
		id := d.focusPrompt(t)
		d.waitArmed(t, id)
		return id
	}
	return p
}

func pinentryPerson(t *testing.T, name string) confirmtest.Person {
	d := newDesktop(t)
	return keyboardPerson(d, &pinentry{path: linkTo(t, name), env: d.env}, []string{"alt+a"}, []string{"alt+f"}, []string{"Return"})
}

// allowOnceKeys move the focus of a dialog from Deny to Allow once, and press it.
var allowOnceKeys = []string{"Tab", "Return"}

func dialogPerson(t *testing.T, name string) confirmtest.Person {
	d := newDesktop(t)
	p := keyboardPerson(d, &dialog{path: linkTo(t, name), env: d.env}, allowOnceKeys, nil, []string{"Return"})
	p.AllowLong = nil
	return p
}

// askpassPerson answers through a script that waits for a file.
func askpassPerson(t *testing.T) confirmtest.Person {
	dir := t.TempDir()
	path := script(t, "cd "+dir+" && echo $$ >new && mv new pid && until [ -e answer ]; do sleep 0.02; done; exit $(cat answer)")
	readPID := func(t *testing.T) (pid string) {
		for end := time.Now().Add(confirmtest.Patience); pid == "" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
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
	return confirmtest.Person{
		Prompter: &askpass{path: path, env: plainEnv}, Wait: readPID, Allow: answer("0"), Deny: answer("1"), Kill: answer("255"),
		WantGone: func(t *testing.T) {
			waitExited(t, readPID(t))
			os.Remove(filepath.Join(dir, "pid"))
			os.Remove(filepath.Join(dir, "answer"))
		},
	}
}

func terminalPerson(t *testing.T) confirmtest.Person {
	screen := confirmtest.NewPTY(t)
	p, err := NewTerminal(screen.TTY)
	if err != nil {
		t.Fatal(err)
	}
	return screen.PersonAt(p)
}
