// Package ways reaches the person: by keybroker's window, a pinentry, a dialog
// program, SSH_ASKPASS or a terminal. Choose takes the one that is configured.
package ways

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/problem"
)

// The values of [confirm] prompt in the configuration.
const (
	PromptAuto     = "auto"
	PromptApprove  = "approve"
	PromptWindow   = "window"
	PromptPinentry = "pinentry"
	PromptDialog   = "dialog"
	PromptAskpass  = "askpass"
	PromptTerminal = "terminal"
	PromptNone     = "none"
)

// Prompts lists all values of Config.Prompt but "".
func Prompts() []string {
	return []string{PromptAuto, PromptApprove, PromptWindow, PromptPinentry, PromptDialog, PromptAskpass, PromptTerminal, PromptNone}
}

// Config says how to reach the person.
type Config struct {
	Prompt   string   // one of Prompts; "": PromptAuto
	Window   string   // absolute path of keybroker-desktop; "": the one beside this program
	Pinentry string   // a program's path or name; "": the best one in PATH
	Terminal *os.File // the daemon's controlling terminal; nil: it has none

	OnQuestion func() (over func()) // see Terminal; may be nil

	Env      func(string) string          // nil: os.Getenv
	LookPath func(string) (string, error) // nil: exec.LookPath

	qtPlugins []string // nil: qtOnWayland
}

// otherNames are the pinentries that may ask for passphrases only.
var otherNames = []string{"pinentry-gnome3", "pinentry-curses", "pinentry-tty", "pinentry"}

func (c Config) terminal() (*Terminal, error) {
	t, err := NewTerminal(c.Terminal)
	if err == nil {
		t.OnQuestion = c.OnQuestion
	}
	return t, err
}

// Choose returns the prompt that cfg asks for. It starts no program. A prompt that
// turns out not to work refuses each question; nothing weaker takes its place.
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
	case "", PromptAuto, PromptApprove: // with PromptApprove it asks about pairing only: see package paired
		return cfg.auto(), nil
	case PromptWindow:
		return asPrompter(newWindow(cfg.Window, cfg.Env))
	case PromptPinentry:
		return cfg.pinentry()
	case PromptDialog:
		return asPrompter(newDialog(cfg.Env, cfg.LookPath))
	case PromptAskpass:
		return asPrompter(newAskpass(cfg.Env))
	case PromptTerminal:
		return asPrompter(cfg.terminal())
	case PromptNone:
		return None{why: `prompt = "none"`, wanted: true}, nil
	case "tray":
		return nil, problem.New(`prompt = "tray" is called "window"`, `set prompt = "window" or "auto"`)
	}
	return nil, problem.With(fmt.Errorf("prompt = %q is not known", cfg.Prompt), `set "auto", "approve", "window", "pinentry", "dialog", "askpass", "terminal" or "none"`)
}

// asPrompter keeps a nil pointer from becoming a non-nil Prompter.
func asPrompter[P confirm.Prompter](p P, err error) (confirm.Prompter, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// pinentry returns the named one, otherwise a safe one that can draw here, otherwise
// any. That last one serves for passphrases; its Ask says why it does not confirm.
func (c Config) pinentry() (confirm.Prompter, error) {
	names := append(append([]string{}, safeNames...), otherNames...)
	if c.Pinentry != "" {
		names = []string{c.Pinentry}
	}
	for _, name := range names {
		if path, err := c.LookPath(name); err == nil && filepath.IsAbs(path) && (c.Pinentry != "" || c.canDraw(path)) {
			return &pinentry{path: path, env: c.Env}, nil
		}
	}
	if c.Pinentry != "" {
		return nil, problem.With(fmt.Errorf("there is no program %q", c.Pinentry), "set [confirm] pinentry to its absolute path")
	}
	if isPureWayland(c.Env) {
		return nil, problem.New("there is no pinentry program that draws on Wayland", "install pinentry-qt and qtwayland5, or XWayland")
	}
	return nil, problem.New("there is no pinentry program", "install pinentry-qt or pinentry-gtk2")
}

// auto takes the safest prompt that is available, in this order: a pinentry that the
// user named, keybroker's window, a pinentry whose Enter key denies, a dialog program,
// the daemon's terminal, the program in SSH_ASKPASS.
func (c Config) auto() confirm.Prompter {
	display := hasDesktop(c.Env)
	var pin confirm.Prompter
	if display {
		if w, err := newWindow(c.Window, c.Env); err == nil && c.Pinentry == "" && canShowWindow(c.Env) {
			return w
		}
		pin, _ = c.pinentry()
		if p, ok := pin.(*pinentry); ok && (c.Pinentry != "" || c.mayConfirm(p.path)) {
			return p
		}
		if d, err := newDialog(c.Env, c.LookPath); err == nil && pin != nil {
			return split{Prompter: d, secrets: pin}
		} else if err == nil {
			return d
		}
	}
	if t, err := c.terminal(); err == nil {
		return t
	}
	// gnome-ssh-askpass allows on Enter, so it is never looked for by name.
	var ask confirm.Prompter = None{why: c.whyNone(display), display: display}
	if a, err := newAskpass(c.Env); err == nil && display {
		ask = a
	}
	if pin != nil {
		return split{Prompter: ask, secrets: pin}
	}
	return ask
}

// whyNone says why auto found no prompt.
func (c Config) whyNone(display bool) string {
	if !display {
		return "there is neither a display nor a terminal"
	}
	if isPureWayland(c.Env) {
		return "on Wayland without XWayland there is neither yad nor zenity"
	}
	return "there is no window program, no pinentry whose Enter key denies, and neither zenity nor yad"
}

// Asks reports whether p can ask for confirmation at all.
func Asks(p confirm.Prompter) bool {
	switch p := p.(type) {
	case None:
		return false
	case split:
		return Asks(p.Prompter)
	}
	return true
}

// OnTerminal reports whether p asks on a terminal.
func OnTerminal(p confirm.Prompter) bool {
	_, is := p.(*Terminal)
	return is
}

// split asks for confirmation by one prompt and for secrets by another.
type split struct {
	confirm.Prompter
	secrets confirm.Prompter
}

func (s split) Name() string { return s.Prompter.Name() + ", passphrases: " + s.secrets.Name() }

func (s split) Secret(ctx context.Context, q confirm.SecretQuestion) ([]byte, error) {
	return s.secrets.Secret(ctx, q)
}

func (s split) Notify(ctx context.Context, n confirm.Notice) error { return s.secrets.Notify(ctx, n) }
