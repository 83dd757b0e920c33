package ways

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// maxSecret bounds a passphrase; a terminal's line holds no more (N_TTY_BUF_SIZE).
const maxSecret = 4096

// maxAskpassText bounds the text: it is an argument of a program.
const maxAskpassText = 4096

// askpass asks through a program that works as ssh(1) says of SSH_ASKPASS.
//
// Enter in most of these programs means yes (measured with gnome-ssh-askpass).
// So "auto" takes one for a confirmation only when the user named it and
// nothing safer is there.
type askpass struct {
	path string // absolute
	env  func(string) string
	hand hand
}

// newAskpass takes the program that SSH_ASKPASS names.
func newAskpass(env func(string) string) (*askpass, error) {
	path := env("SSH_ASKPASS")
	switch {
	case path == "":
		return nil, problem.New("SSH_ASKPASS is not set", "set it to the absolute path of a program such as gnome-ssh-askpass in the daemon's environment")
	case !filepath.IsAbs(path):
		return nil, problem.With(fmt.Errorf("SSH_ASKPASS=%q is not an absolute path", path), "name the program with its whole path: what a relative one means is up to PATH")
	}
	return &askpass{path: path, env: env}, nil
}

func (p *askpass) Name() string { return "askpass " + filepath.Base(p.path) }

// Ask allows once when the program ended with status 0 and wrote nothing or
// "yes", as ssh(1) takes it: a program that does not know about confirmations
// shows an input field. Everything else denies. There is no button for a longer grant.
func (p *askpass) Ask(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
	defer p.hand.wait(ctx)()
	text, err := q.FittingText(fitsAskpass)
	if err != nil {
		return confirm.Answer{}, fmt.Errorf("%s: %w", p.Name(), err)
	}
	typed, err := outputOf(p.command(ctx, text, "SSH_ASKPASS_PROMPT=confirm"))
	defer clear(typed)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return confirm.Answer{}, fmt.Errorf("%s: %w", p.Name(), context.Cause(ctx))
	case err == nil && isYes(typed):
		return confirm.Allowed(confirm.AllowOnce, 0), nil
	case err == nil:
		denied := confirm.DeniedByPerson()
		denied.Reason += ": what was typed is not yes"
		return denied, nil
	case errors.As(err, &exit) && exit.ExitCode() == 1: // 255 and signals are faults
		return confirm.DeniedByPerson(), nil
	}
	return confirm.Answer{}, fmt.Errorf("%s: %w", p.Name(), err)
}

func isYes(typed []byte) bool {
	line, _, _ := bytes.Cut(typed, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	return len(line) == 0 || strings.EqualFold(string(line), "yes")
}

// Secret returns the program's first line.
func (p *askpass) Secret(ctx context.Context, q confirm.SecretQuestion) ([]byte, error) {
	defer p.hand.wait(ctx)()
	text, err := q.FittingText(fitsAskpass)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name(), err)
	}
	text = strings.TrimSpace(strings.Join([]string{platform.Escape(q.Title, confirm.MaxLong), text, confirm.EscapeLines(q.Error)}, "\n"))
	secret, err := outputOf(p.command(ctx, text+"\n"+platform.Escape(q.Prompt, confirm.MaxValue)))
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		err = confirm.ErrClosed
	}
	if err != nil {
		clear(secret)
		return nil, fmt.Errorf("%s: %w", p.Name(), err)
	}
	secret = bytes.TrimSuffix(secret, []byte("\n"))
	return bytes.TrimSuffix(secret, []byte("\r")), nil
}

// fitsAskpass leaves room for a title and an error.
func fitsAskpass(text string) bool { return len(text) <= maxAskpassText-4*confirm.MaxLong }

// Notify shows the text without a question, as ssh does while a FIDO key waits
// for a touch (SSH_ASKPASS_PROMPT=none). The program's end before the time is a
// refusal when it says so, and otherwise a fault.
func (p *askpass) Notify(ctx context.Context, n confirm.Notice) error {
	text, err := n.FittingText(fitsAskpass)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name(), err)
	}
	said, err := outputOf(p.command(ctx, platform.Escape(n.Title, confirm.MaxLong)+"\n"+text, "SSH_ASKPASS_PROMPT=none"))
	clear(said)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil
	case err == nil, errors.As(err, &exit) && exit.ExitCode() == 1:
		return fmt.Errorf("%s: %w", p.Name(), confirm.ErrClosed)
	}
	return fmt.Errorf("%s: %w", p.Name(), err)
}

func (p *askpass) command(ctx context.Context, text string, more ...string) *exec.Cmd {
	return command(ctx, p.path, childEnv(p.env, more...), clip(text, maxAskpassText))
}

// outputOf runs cmd without input and returns what it wrote, which is returned
// with an error too, so that it can be wiped.
func outputOf(cmd *exec.Cmd) ([]byte, error) {
	conn, err := start(cmd)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.CloseWrite()
	secret, err := readSecret(conn)
	if err != nil {
		_ = cmd.Cancel()
	}
	return secret, errors.Join(err, cmd.Wait())
}

// readSecret reads to the end, without leaving copies in grown buffers.
func readSecret(r io.Reader) ([]byte, error) {
	buf := make([]byte, maxSecret+1)
	n, err := io.ReadFull(r, buf)
	switch {
	case err == nil:
		return buf, errors.New("the passphrase is too long")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return buf[:n], nil
	}
	return buf[:n], err
}

// clip cuts a text that is too long between two characters.
func clip(s string, max int) string {
	if len(s) <= max {
		return s
	}
	return strings.ToValidUTF8(s[:max], "")
}
