package ways

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Codes of libgpg-error, without the source bits.
const (
	gpgTimeout      = 62
	gpgCanceled     = 99
	gpgNotConfirmed = 114
	gpgFullyCancel  = 198 // the window was closed by its manager
)

// safeFlavors are the pinentries whose dialog starts on its cancel button:
// Enter and Space refuse (measured with pinentry 1.2.1 on X11; Qt's code sets the
// default button so in every version). In those of GNOME, curses and tty Enter
// allows, so that a person who types on is made to approve: they may ask for a
// passphrase, never for a confirmation.
var safeFlavors = []string{"qt", "qt4", "qt5", "qt6", "gtk2"}

// safeNames are their programs, the best first.
var safeNames = []string{"pinentry-qt", "pinentry-qt6", "pinentry-qt5", "pinentry-gtk-2", "pinentry-gtk2"}

// errUnsafePinentry is returned by Ask of a pinentry that must not confirm.
var errUnsafePinentry = problem.New("its Enter key could allow", `install pinentry-qt or pinentry-gtk2, or set prompt = "terminal"`)

// errTypedOnWayland is returned by Ask where the window would be Wayland's own. There
// pinentry-qt acts on keys before its dialog runs: one Enter cancels too early and moves the
// focus, the next one allows (decision 0099).
var errTypedOnWayland = problem.New("on Wayland without XWayland its Enter key could allow", `install yad or zenity and set prompt = "auto", or install XWayland`)

// errNothingMore ends a conversation at once: a no needs no proof that it came
// from the person, and a program that is slow to end does not delay it.
var errNothingMore = errors.New("the answer is no")

// pinentry asks through a pinentry program, one process per question.
type pinentry struct {
	path string
	env  func(string) string
	hand hand
}

func (p *pinentry) Name() string { return programName(p.path) }

// mayConfirm tells by its name and the desktop whether the program at path may be used to
// confirm. Ask looks again, at its flavor, and that is what counts.
func (c Config) mayConfirm(path string) bool {
	return slices.Contains(safeNames, programName(path)) && !isPureWayland(c.Env)
}

// programName follows the links of update-alternatives to the real name.
func programName(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	return strings.TrimSuffix(filepath.Base(path), ".exe")
}

// Ask shows the facts with the buttons "Allow once", "Deny", and where there is
// something to remember "These … hosts" or "Allow for …": it has three at most.
func (p *pinentry) Ask(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
	if isPureWayland(p.env) {
		return confirm.Answer{}, fmt.Errorf("%s is not used: %w", p.Name(), errTypedOnWayland)
	}
	defer p.hand.wait(ctx)()
	var answer confirm.Answer
	err := p.talk(ctx, func(a *assuan) error {
		flavor, err := a.call("GETINFO flavor")
		if err != nil {
			return err
		}
		if !slices.Contains(safeFlavors, string(flavor)) {
			return fmt.Errorf("%s of the kind %q is not used: %w", p.Name(), platform.Escape(string(flavor), 20), errUnsafePinentry)
		}
		if err := confirmText(a, q); err != nil {
			return err
		}
		_, err = a.call("CONFIRM")
		answer, err = verdict(err, q)
		if err == nil && answer.Verdict == confirm.Deny {
			return errNothingMore
		}
		return err
	})
	if err != nil && !errors.Is(err, errNothingMore) {
		return confirm.Answer{}, fmt.Errorf("%s: %w", p.Name(), err)
	}
	return answer, nil
}

// confirmText fills the window. Alt+A, Alt+F and Alt+D press a button; no letter, no
// Enter and no Space alone does anything but deny.
func confirmText(a *assuan, q confirm.Question) error {
	more := ""
	if q.Burst.ListsHosts() {
		more = "\n" + q.Burst.Line().String() + "\nThe button with the hosts allows " + q.Burst.Limit()
	}
	text, err := q.FittingText(func(text string) bool { return fitsDescription(text + more) })
	if err != nil {
		return err
	}
	settings := [][2]string{
		{"SETTITLE", "keybroker"},
		{"SETDESC", text + more},
		{"SETOK", "_Allow once"},
		{"SETCANCEL", "_Deny"},
	}
	switch {
	case q.Burst.ListsHosts():
		settings = append(settings, [2]string{"SETNOTOK", fmt.Sprintf("Allow these %d _hosts", len(q.Burst.Hosts))})
	case q.Remember > 0:
		settings = append(settings, [2]string{"SETNOTOK", "Allow _for " + keys.ShortDuration(q.Remember)})
	}
	return setAll(a, settings)
}

func fitsDescription(text string) bool { return assuanLen(text) <= maxAssuanLine-len("SETDESC \n") }

// verdict reads the answer to CONFIRM. Without a third button "not confirmed"
// is what some programs say for cancel, so that it allows only when offered.
func verdict(err error, q confirm.Question) (confirm.Answer, error) {
	var e *assuanError
	switch {
	case err == nil:
		return confirm.Allowed(confirm.AllowOnce, 0), nil
	case !errors.As(err, &e):
		return confirm.Answer{}, err
	case e.is(gpgNotConfirmed) && q.Burst.ListsHosts():
		return confirm.Allowed(confirm.AllowBurst, 0), nil
	case e.is(gpgNotConfirmed) && q.Remember > 0:
		return confirm.Allowed(confirm.AllowFor, q.Remember), nil
	case e.is(gpgCanceled), e.is(gpgNotConfirmed):
		return confirm.DeniedByPerson(), nil
	case e.is(gpgFullyCancel):
		return confirm.Denied(confirm.ErrClosed.Error()), nil
	case e.is(gpgTimeout):
		return confirm.Denied(confirm.ErrNoAnswer.Error()), nil
	}
	return confirm.Answer{}, err
}

// Secret asks for a passphrase; any pinentry will do.
func (p *pinentry) Secret(ctx context.Context, q confirm.SecretQuestion) (secret []byte, err error) {
	defer p.hand.wait(ctx)()
	err = p.talk(ctx, func(a *assuan) error {
		text, err := q.FittingText(fitsDescription)
		if err != nil {
			return err
		}
		settings := [][2]string{
			{"SETTITLE", platform.Escape(q.Title, confirm.MaxLong)},
			{"SETDESC", text},
			{"SETPROMPT", platform.Escape(q.Prompt, confirm.MaxValue)},
			{"SETERROR", confirm.EscapeLines(q.Error)},
		}
		if err := setAll(a, settings); err != nil {
			return err
		}
		secret, err = a.call("GETPIN")
		return err
	})
	if err != nil {
		clear(secret)
	}
	var e *assuanError
	switch {
	case errors.As(err, &e) && (e.is(gpgCanceled) || e.is(gpgFullyCancel)):
		return nil, fmt.Errorf("%s: %w", p.Name(), confirm.ErrClosed)
	case errors.As(err, &e) && e.is(gpgTimeout):
		return nil, fmt.Errorf("%s: %w", p.Name(), confirm.ErrNoAnswer)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", p.Name(), err)
	}
	return secret, nil
}

// Notify shows a window with one button, which refuses. Any pinentry will do:
// whatever key is pressed, nothing is allowed by it.
func (p *pinentry) Notify(ctx context.Context, n confirm.Notice) error {
	err := p.talk(ctx, func(a *assuan) error {
		text, err := n.FittingText(fitsDescription)
		if err != nil {
			return err
		}
		settings := [][2]string{
			{"SETTITLE", "keybroker"},
			{"SETDESC", platform.Escape(n.Title, confirm.MaxLong) + "\n\n" + text},
			{"SETOK", "_Refuse"},
		}
		if err := setAll(a, settings); err != nil {
			return err
		}
		_, err = a.call("CONFIRM --one-button")
		return err
	})
	var e *assuanError
	switch {
	case ctx.Err() != nil:
		return nil
	case err == nil, errors.As(err, &e):
		return fmt.Errorf("%s: %w", p.Name(), confirm.ErrClosed)
	}
	return fmt.Errorf("%s: %w", p.Name(), err)
}
