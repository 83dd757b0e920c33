// Package ways reaches the person: by keybroker's window, a pinentry, a dialog
// program, SSH_ASKPASS or a terminal. Choose takes the one that is configured.
package ways

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/keybroker/keybroker/confirm"
)

// Config says how the person is to be reached.
type Config struct {
	Prompt   string   // "auto" or "", "approve", "window", "pinentry", "dialog", "askpass", "terminal", "none"
	Window   string   // absolute path of keybroker-desktop; "": the one beside this program
	Pinentry string   // a program's path or name; "": the best that PATH has
	Terminal *os.File // the daemon's own controlling terminal; nil: it has none

	Env      func(string) string          // nil: os.Getenv
	LookPath func(string) (string, error) // nil: exec.LookPath

	qtPlugins []string // nil: qtOnWayland
}

// otherNames are the pinentries that may ask for a passphrase only.
var otherNames = []string{"pinentry-gnome3", "pinentry-curses", "pinentry-tty", "pinentry"}

// Choose returns the way that cfg asks for. It starts no program; one that
// turns out not to work refuses each question with its reason, and nothing
// weaker takes its place.
func Choose(cfg Config) (confirm.Prompter, error) {
	if cfg.Env == nil {
		cfg.Env = os.Getenv
	}
	if cfg.LookPath == nil {
		cfg.LookPath = exec.LookPath
	}
	if cfg.qtPlugins == nil {
		cfg.qtPlugins = qtOnWayland
	}
	switch cfg.Prompt {
	case "", "auto", "approve": // with "approve" it asks whether a terminal may answer, and nothing else: see Paired
		return cfg.auto(), nil
	case "window":
		return asPrompter(newWindow(cfg.Window, cfg.Env))
	case "pinentry":
		return cfg.pinentry()
	case "dialog":
		return asPrompter(newDialog(cfg.Env, cfg.LookPath))
	case "askpass":
		return asPrompter(newAskpass(cfg.Env))
	case "terminal":
		return asPrompter(NewTerminal(cfg.Terminal))
	case "none":
		return None{why: `prompt = "none"`, wanted: true}, nil
	case "tray":
		return nil, errors.New("confirm: prompt = \"tray\" is called \"window\"\nset prompt = \"window\" or \"auto\"")
	}
	return nil, fmt.Errorf("confirm: prompt = %q is not known\n"+
		"set \"auto\", \"approve\", \"window\", \"pinentry\", \"dialog\", \"askpass\", \"terminal\" or \"none\"", cfg.Prompt)
}

// asPrompter keeps a nil pointer from becoming a Prompter that is not nil.
func asPrompter[P confirm.Prompter](p P, err error) (confirm.Prompter, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// pinentry is the one that is named, else a safe one that draws here, else any: that one
// serves for passphrases, and its Ask says why it does not confirm.
func (c Config) pinentry() (confirm.Prompter, error) {
	names := append(append([]string{}, safeNames...), otherNames...)
	if c.Pinentry != "" {
		names = []string{c.Pinentry}
	}
	for _, name := range names {
		if path, err := c.LookPath(name); err == nil && filepath.IsAbs(path) && (c.Pinentry != "" || c.draws(path)) {
			return &pinentry{path: path, env: c.Env}, nil
		}
	}
	if c.Pinentry != "" {
		return nil, fmt.Errorf("confirm: there is no program %q\nset [confirm] pinentry to its absolute path", c.Pinentry)
	}
	if onlyWayland(c.Env) {
		return nil, errors.New("confirm: there is no pinentry program that draws on Wayland\ninstall pinentry-qt and qtwayland5, or XWayland")
	}
	return nil, errors.New("confirm: there is no pinentry program\ninstall pinentry-qt or pinentry-gtk2")
}

// auto takes the safest way there is: our own window, a pinentry whose Enter
// denies, a dialog program, then the daemon's terminal, then the program that
// the user named in SSH_ASKPASS. A pinentry that the user named goes first.
func (c Config) auto() confirm.Prompter {
	display := hasDesktop(c.Env)
	var pin confirm.Prompter
	if display {
		if w, err := newWindow(c.Window, c.Env); err == nil && c.Pinentry == "" && showsWindow(c.Env) {
			return w
		}
		pin, _ = c.pinentry()
		if p, ok := pin.(*pinentry); ok && (c.Pinentry != "" || safe(p.path)) {
			return p
		}
		if d, err := newDialog(c.Env, c.LookPath); err == nil && pin != nil {
			return split{Prompter: d, secrets: pin}
		} else if err == nil {
			return d
		}
	}
	if t, err := NewTerminal(c.Terminal); err == nil {
		return t
	}
	// gnome-ssh-askpass allows on Enter, so it is never looked for by name.
	var ask confirm.Prompter = None{why: c.lack(display), display: display}
	if a, err := newAskpass(c.Env); err == nil && display {
		ask = a
	}
	if pin != nil {
		return split{Prompter: ask, secrets: pin}
	}
	return ask
}

// lack says why auto found nothing.
func (c Config) lack(display bool) string {
	if !display {
		return "there is neither a display nor a terminal"
	}
	if onlyWayland(c.Env) {
		return "on Wayland without XWayland there is neither pinentry-qt (with qtwayland5) nor zenity nor yad"
	}
	return "there is no window program, no pinentry whose Enter key denies, and neither zenity nor yad"
}

// Asks says whether p can ask for a confirmation at all.
func Asks(p confirm.Prompter) bool {
	switch p := p.(type) {
	case None:
		return false
	case split:
		return Asks(p.Prompter)
	}
	return true
}

// OnTerminal says whether p asks on a terminal.
func OnTerminal(p confirm.Prompter) bool {
	_, is := p.(*Terminal)
	return is
}

// split asks for confirmation in one way and for secrets in another.
type split struct {
	confirm.Prompter
	secrets confirm.Prompter
}

func (s split) Name() string { return s.Prompter.Name() + ", passphrases: " + s.secrets.Name() }

func (s split) Secret(ctx context.Context, q confirm.SecretQuestion) ([]byte, error) {
	return s.secrets.Secret(ctx, q)
}

func (s split) Notify(ctx context.Context, n confirm.Notice) error { return s.secrets.Notify(ctx, n) }
