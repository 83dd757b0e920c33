package ways

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// maxDialogText bounds the text: it is an argument of a program.
const maxDialogText = 4096

// dialogPrograms are looked for in this order. In yad the first button has the
// focus, in zenity --default-cancel gives it to Cancel: Enter and Space deny in
// both (measured with yad 0.40 and zenity 3.44).
var dialogPrograms = []string{"yad", "zenity"}

// dialog asks through zenity or yad. They arm no buttons and draw no marks of
// their own; they are for desktops that have nothing better.
type dialog struct {
	path string
	env  func(string) string
	hand hand
}

func newDialog(env func(string) string, look func(string) (string, error)) (*dialog, error) {
	for _, name := range dialogPrograms {
		if path, err := look(name); err == nil && filepath.IsAbs(path) {
			return &dialog{path: path, env: env}, nil
		}
	}
	return nil, problem.New("there is neither yad nor zenity", `install zenity, or set prompt = "auto"`)
}

func (d *dialog) Name() string { return programName(d.path) }

func (d *dialog) isYad() bool { return d.Name() == "yad" }

// Exit codes of yad's buttons are ours; the others are the programs' own.
const (
	yadDeny     = 1
	yadOnce     = 2
	yadTimeout  = 70
	yadClosed   = 252
	zenityNo    = 1
	zenityTimed = 5
)

// Ask shows the text with two buttons. There is none for a longer grant: these
// programs arm no buttons, so that one click may have been meant for something else.
func (d *dialog) Ask(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
	defer d.hand.wait(ctx)()
	text, err := q.FittingText(fitsDialog)
	if err != nil {
		return confirm.Answer{}, fmt.Errorf("%s: %w", d.Name(), err)
	}
	args := d.window(ctx, "keybroker", text)
	if d.isYad() {
		args = append(args, fmt.Sprintf("--button=Deny:%d", yadDeny))
		args = append(args, fmt.Sprintf("--button=Allow once:%d", yadOnce))
	} else {
		args = append(args, "--question", "--no-markup", "--default-cancel", "--ok-label=Allow once", "--cancel-label=Deny")
	}
	code, out, err := d.run(ctx, args)
	if err != nil {
		return confirm.Answer{}, err
	}
	return d.verdict(code, len(out) == 0)
}

// verdict reads the status that the program ended with, which is all that answers:
// what it prints can come from others. quiet says that it printed nothing, as it should.
func (d *dialog) verdict(code int, quiet bool) (confirm.Answer, error) {
	switch {
	case !quiet:
		return confirm.Answer{}, fmt.Errorf("%s: it printed something, which it was not asked for", d.Name())
	case d.isYad() && code == yadOnce, !d.isYad() && code == 0:
		return confirm.Allowed(confirm.AllowOnce, 0), nil
	case d.isYad() && code == yadDeny, !d.isYad() && code == zenityNo:
		return confirm.DeniedByPerson(), nil
	case d.isYad() && code == yadClosed:
		return confirm.Denied(confirm.ErrClosed.Error()), nil
	case d.isYad() && code == yadTimeout, !d.isYad() && code == zenityTimed:
		return confirm.Denied(confirm.ErrNoAnswer.Error()), nil
	}
	return confirm.Answer{}, fmt.Errorf("%s: it ended with status %d", d.Name(), code)
}

// Secret shows a place to type.
func (d *dialog) Secret(ctx context.Context, q confirm.SecretQuestion) ([]byte, error) {
	defer d.hand.wait(ctx)()
	text, err := q.FittingText(fitsDialog)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Name(), err)
	}
	text = strings.TrimSpace(strings.Join([]string{platform.Escape(q.Title, confirm.MaxLong), text, confirm.EscapeLines(q.Error)}, "\n"))
	text += "\n" + platform.Escape(q.Prompt, confirm.MaxValue)
	if !d.isYad() { // here zenity undoes backslashes, and an underscore marks a letter
		text = strings.NewReplacer(`\`, `\\`, "_", "__").Replace(text)
	}
	args := append(d.window(ctx, "keybroker", text), "--entry", "--hide-text")
	if d.isYad() {
		args = append(args, "--button=Cancel:1", "--button=OK:0")
	}
	code, out, err := d.run(ctx, args)
	secret := bytes.TrimSuffix(out, []byte("\n"))
	if err == nil && (code != 0 || len(secret) == 0) {
		err = fmt.Errorf("%s: %w", d.Name(), confirm.ErrClosed)
	}
	if err != nil {
		clear(out)
		return nil, err
	}
	return secret, nil
}

// Notify shows n with a button that refuses.
func (d *dialog) Notify(ctx context.Context, n confirm.Notice) error {
	text, err := n.FittingText(fitsDialog)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Name(), err)
	}
	args := d.window(ctx, "keybroker", platform.Escape(n.Title, confirm.MaxLong)+"\n\n"+text)
	if d.isYad() {
		args = append(args, "--button=Refuse:1")
	} else {
		args = append(args, "--info", "--no-markup", "--ok-label=Refuse")
	}
	_, _, err = d.run(ctx, args)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%s: %w", d.Name(), confirm.ErrClosed)
}

// window are the options of every dialog. yad undoes backslashes in the text,
// zenity does not when it is told that there is no markup.
func (d *dialog) window(ctx context.Context, title, text string) []string {
	if d.isYad() {
		text = strings.ReplaceAll(text, `\`, `\\`)
	}
	args := []string{"--title=" + title, "--text=" + text}
	if d.isYad() {
		args = append(args, "--no-markup", "--on-top", "--center", "--borders=12", "--timeout-indicator=bottom")
	}
	if end, ok := ctx.Deadline(); ok {
		// A little after we would kill it: should the daemon die, no window stays.
		args = append(args, fmt.Sprintf("--timeout=%d", int(math.Ceil(time.Until(end).Seconds()))+2))
	}
	return args
}

func fitsDialog(text string) bool { return len(text) <= maxDialogText-8*confirm.MaxLong }

// run returns the status that the program ended with and what it printed.
func (d *dialog) run(ctx context.Context, args []string) (code int, out []byte, err error) {
	out, err = outputOf(command(ctx, d.path, childEnv(d.env), args...))
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode(), out, nil
	}
	if err != nil {
		clear(out)
		return 0, nil, fmt.Errorf("%s: %w", d.Name(), err)
	}
	return 0, out, nil
}
