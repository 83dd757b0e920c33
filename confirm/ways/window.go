package ways

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// windowProgram draws the window. It is a separate program, so that the one that holds
// keys links no graphics code.
const windowProgram = "keybroker-desktop" + programSuffix

// window asks in keybroker's window, or in a system dialog on Windows and macOS, with
// one process per question.
type window struct {
	program *platform.Program
	path    string // absolute
	env     func(string) string
	hand    hand // where windowWaits is false
}

// WindowProgram returns the named program, or the one beside this program. It ignores
// PATH, which may hold directories that other programs write to.
func WindowProgram(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", problem.With(fmt.Errorf("the path of this program is unknown: %w", err), "set [confirm] window to the absolute path of %s", windowProgram)
	}
	return filepath.Join(filepath.Dir(self), windowProgram), nil
}

// newWindow loads the program in its present state.
func newWindow(named string, env func(string) string) (*window, error) {
	path, err := WindowProgram(named)
	if err != nil {
		return nil, err
	}
	switch info, err := os.Stat(path); {
	case !filepath.IsAbs(path):
		return nil, problem.With(fmt.Errorf("window = %q is not an absolute path", path), "name the program with its whole path")
	case err != nil:
		return nil, problem.With(fmt.Errorf("the window's program is missing: %w", err), "install it beside keybroker, or set [confirm] window to its absolute path")
	case !info.Mode().IsRegular() || !runnable(info):
		return nil, problem.With(fmt.Errorf("%s is not a program", path), "set [confirm] window to the absolute path of %s", windowProgram)
	}
	program, err := platform.LoadProgram(path)
	if err != nil {
		return nil, fmt.Errorf("the window's program: %w", err)
	}
	return &window{program: program, path: path, env: env}, nil
}

func (w *window) Name() string { return "window" }

// Ask shows the facts with "Deny", "Deny for 10 minutes", "Allow once", and
// "Allow for …" when there is something to remember.
func (w *window) Ask(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
	if !windowWaits {
		defer w.hand.wait(ctx)()
	}
	shown := question.Question{Kind: question.Confirm, Pause: confirm.InWords(confirm.PauseTime)}
	if q.Use == nil {
		shown.Pause = "" // no program asked
	}
	if q.Remember > 0 {
		shown.For = confirm.InWords(q.Remember)
	}
	if q.Burst != nil {
		shown.Burst, shown.Pause = q.Burst.Label(), "" // five buttons do not fit
	}
	ask := w.fitting
	if q.Burst.ListsHosts() {
		ask = w.fit // else it is asked again, without the list
	}
	answer, err := ask(ctx, shown, func(shown *question.Question, w confirm.Wording) {
		title, lines := w.Text(q)
		shown.Title, shown.Rows = title, lines
		if q.Burst != nil {
			shown.Rows = append(shown.Rows, q.Burst.Line(), question.Line{Text: "its button allows " + q.Burst.Limit()})
		}
		if q.Remember > 0 {
			shown.Grant = w.Grant(q.Use)
		}
	})
	if err != nil {
		return confirm.Answer{}, err
	}
	switch answer.Word {
	case question.AllowOnce:
		return confirm.Allowed(confirm.AllowOnce, 0), nil
	case question.AllowFor:
		if q.Remember > 0 {
			return confirm.Allowed(confirm.AllowFor, q.Remember), nil
		}
	case question.AllowBurst:
		if q.Burst != nil {
			return confirm.Allowed(confirm.AllowBurst, 0), nil
		}
	case question.DenyFor:
		return confirm.Answer{Verdict: confirm.DenyFor, For: confirm.PauseTime, Reason: confirm.DeniedByPerson().Reason}, nil
	case question.Closed:
		return confirm.Denied(confirm.ErrClosed.Error()), nil
	}
	return confirm.DeniedByPerson(), nil
}

// Secret shows an input field.
func (w *window) Secret(ctx context.Context, q confirm.SecretQuestion) ([]byte, error) {
	if !windowWaits {
		defer w.hand.wait(ctx)()
	}
	shown := question.Question{Kind: question.Secret, Title: platform.Escape(q.Title, 2*confirm.MaxLong), Text: textLines(q.Text),
		Prompt: platform.Escape(q.Prompt, confirm.MaxValue), Error: confirm.Escape(q.Error, confirm.MaxLong)}
	answer, err := w.fitting(ctx, shown, func(shown *question.Question, w confirm.Wording) {
		if q.Facts {
			_, lines := w.Text(q.Question())
			shown.Rows = lines
		}
	})
	switch {
	case err != nil:
		return nil, err
	case answer.Word == question.Typed && len(answer.Text) > 0:
		return answer.Text, nil
	}
	return nil, fmt.Errorf("%s: %w", w.Name(), confirm.ErrClosed)
}

// Notify shows n with a button that refuses.
func (w *window) Notify(ctx context.Context, n confirm.Notice) error {
	shown := question.Question{Kind: question.Notice, Title: platform.Escape(n.Title, 2*confirm.MaxLong), Text: textLines(n.Text)}
	_, err := w.fitting(ctx, shown, func(shown *question.Question, w confirm.Wording) {
		if n.Use != nil {
			_, lines := w.Text(n.Question())
			shown.Rows = lines
		}
	})
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%s: %w", w.Name(), confirm.ErrClosed)
}

// fitting asks with values clipped so far that everything is on the screen: no
// program may push another fact out of it by a long name of its own.
func (w *window) fitting(ctx context.Context, q question.Question, fill func(*question.Question, confirm.Wording)) (question.Answer, error) {
	answer, err := w.fit(ctx, q, fill)
	if errors.Is(err, confirm.ErrTooLong) {
		fill(&q, confirm.Shortest)
		w.showTooLong(ctx, q)
	}
	return answer, err
}

// fit is fitting that says nothing to the person.
func (w *window) fit(ctx context.Context, q question.Question, fill func(*question.Question, confirm.Wording)) (question.Answer, error) {
	for _, wording := range confirm.Wordings() {
		fill(&q, wording)
		if end, ok := ctx.Deadline(); ok {
			q.Time = time.Until(end)
		}
		answer, err := w.talk(ctx, q)
		switch {
		case err != nil:
			return question.Answer{}, fmt.Errorf("%s: %w", w.Name(), err)
		case answer.Word == question.Failed:
			return question.Answer{}, fmt.Errorf("%s: %s", w.Name(), confirm.Escape(string(answer.Text), confirm.MaxLong))
		case answer.Word != question.TooLong:
			return answer, nil
		}
	}
	return question.Answer{}, fmt.Errorf("%s: %w on the screen", w.Name(), confirm.ErrTooLong)
}

// showTooLong tells the person why the question was not shown.
func (w *window) showTooLong(ctx context.Context, q question.Question) {
	_, _ = w.talk(ctx, question.Question{Kind: question.Notice, Title: "A question does not fit on this screen", Text: []string{
		q.Title,
		"It is refused, as not all of it could be read here.",
		"To answer it: use smaller letters or a larger screen, or in a terminal run keybroker approve, and try again.",
	}})
}

// talk starts the program, sends it the question over an unnamed connection that no
// other process holds, and reads one answer. It leaves no process behind.
func (w *window) talk(ctx context.Context, q question.Question) (question.Answer, error) {
	running, end := context.WithCancel(ctx)
	defer end()
	cmd := command(running, w.path, childEnv(w.env), "prompt")
	cmd.Cancel = func() error { return dismiss(cmd) }
	ours, err := w.program.Start(cmd)
	if err != nil {
		return question.Answer{}, fmt.Errorf("start: %w", err)
	}
	defer ours.Close()
	stop := context.AfterFunc(running, func() { _ = ours.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err := converse(ours, q)
	if err != nil {
		end()
	}
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		clear(answer.Text)
		return question.Answer{}, context.Cause(ctx)
	case err != nil || ended != nil: // an answer does not count if the program then failed
		clear(answer.Text)
		return question.Answer{}, fmt.Errorf("the program ended without an answer: %w", cmp.Or(err, ended))
	}
	return answer, nil
}

func converse(conn io.ReadWriter, q question.Question) (question.Answer, error) {
	if err := q.Send(conn); err != nil {
		return question.Answer{}, err
	}
	return question.ReceiveAnswer(conn, q.Kind)
}

func textLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(confirm.EscapeLines(s), "\n")
}
