package ways

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// labelWidth aligns the facts: the longest label and two blanks.
const labelWidth = 9

// Terminal asks on a terminal. It is for one question at a time, as from a Queue.
type Terminal struct {
	// OnQuestion is called when a question appears, and what it returns when the
	// question is over. Meanwhile nothing else may write to the terminal: it would
	// scroll the facts away. May be nil.
	OnQuestion func() (over func())

	tty  ttyFile
	hand hand
}

// NewTerminal needs a terminal that supports SetDeadline: otherwise a question could
// not be withdrawn.
func NewTerminal(file *os.File) (*Terminal, error) {
	if file == nil {
		return nil, problem.New("the daemon has no terminal", `start it in the foreground of one, or set prompt = "pinentry"`)
	}
	tty, err := openTTY(file)
	if err != nil {
		return nil, err
	}
	if err := tty.SetDeadline(time.Time{}); err != nil {
		return nil, problem.With(fmt.Errorf("a question on %s could not be withdrawn: %w", tty.Name(), err), `use the terminal's own name, such as /dev/ttys003, or set prompt = "pinentry"`)
	}
	if err := checkTerminal(tty); err != nil {
		return nil, err
	}
	return &Terminal{tty: tty}, nil
}

func (t *Terminal) Name() string { return "terminal" }

// Ask allows only when "y", "yes", "m", "minutes", "g", "git", or "h", "hosts" was typed in
// full after the question was shown. Enter, the end of the input and anything else deny.
func (t *Terminal) Ask(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
	defer t.hand.wait(ctx)()
	prompt := choices(ctx, q)
	text, err := t.fitting(prompt, func(w confirm.Wording) string { return facts(w, q) })
	if err != nil {
		return confirm.Answer{}, err
	}
	line, err := t.converse(ctx, true, text, prompt)
	if err != nil {
		return confirm.Answer{}, err
	}
	switch word := strings.ToLower(string(bytes.TrimSpace(line))); {
	case word == "y" || word == "yes":
		return confirm.Allowed(confirm.AllowOnce, 0), nil
	case (word == "m" || word == "minutes") && q.Remember > 0:
		return confirm.Allowed(confirm.AllowFor, q.Remember), nil
	case q.Burst != nil && (word == q.Burst.Word() || word == q.Burst.Word()[:1]):
		return confirm.Allowed(confirm.AllowBurst, 0), nil
	}
	return confirm.DeniedByPerson(), nil
}

func facts(w confirm.Wording, q confirm.Question) string {
	title, _ := w.Text(q)
	return "\nkeybroker: " + title + "\n" + rows(w, q)
}

func rows(w confirm.Wording, q confirm.Question) string {
	var b strings.Builder
	_, lines := w.Text(q)
	if q.Burst != nil {
		lines = append(lines, q.Burst.Line())
	}
	for _, line := range lines {
		fmt.Fprintf(&b, "  %-*s%s\n", labelWidth, line.Label, line.Marked())
	}
	return b.String()
}

func choices(ctx context.Context, q confirm.Question) string {
	var b strings.Builder
	b.WriteString("Allow? [y]es once / ")
	if q.Remember > 0 {
		fmt.Fprintf(&b, "[m]inutes (%s) / ", keys.ShortDuration(q.Remember))
	}
	if q.Burst != nil {
		fmt.Fprintf(&b, "[%s]%s / ", q.Burst.Word()[:1], q.Burst.Choice())
	}
	b.WriteString("[N]o")
	if end, ok := ctx.Deadline(); ok {
		fmt.Fprintf(&b, " (%.0f s)", time.Until(end).Seconds())
	}
	return b.String() + ": "
}

// Secret reads a line without showing it.
func (t *Terminal) Secret(ctx context.Context, q confirm.SecretQuestion) ([]byte, error) {
	defer t.hand.wait(ctx)()
	prompt := platform.Escape(q.Prompt, confirm.MaxValue) + " "
	text, err := t.fitting(prompt, func(w confirm.Wording) string { return secretText(w, q) })
	if err != nil {
		return nil, err
	}
	return t.converse(ctx, false, text, prompt)
}

func secretText(w confirm.Wording, q confirm.SecretQuestion) string {
	text := "\nkeybroker: " + platform.Escape(q.Title, 2*confirm.MaxLong) + "\n"
	if q.Text != "" {
		text += confirm.EscapeLines(q.Text) + "\n"
	}
	if q.Facts {
		text += rows(w, q.Question())
	}
	if q.Error != "" {
		text += confirm.EscapeLines(q.Error) + "\n"
	}
	return text
}

// converse shows a text and a prompt, and returns the line that the person types after
// them, without the newline. It always restores the terminal. While it runs, no other
// program can open the terminal, to read what is typed or to write below the question.
// Between questions they can: the person may run a program that opens /dev/tty.
func (t *Terminal) converse(ctx context.Context, echo bool, text, prompt string) (line []byte, err error) {
	if t.OnQuestion != nil {
		defer t.OnQuestion()()
	}
	if err := setExclusive(t.tty, true); err != nil && !errors.Is(err, errors.ErrUnsupported) { // a Windows console belongs to its process
		return nil, fmt.Errorf("other programs cannot be kept from opening it: %w", err)
	}
	defer setExclusive(t.tty, false) // fails only if the terminal is gone
	restore, err := setMode(t.tty, echo)
	if err != nil {
		return nil, err
	}
	defer restore()
	defer t.interruptible(ctx)()
	line, err = t.exchange(text, prompt)
	t.endQuestion(ctx, echo && err == nil)
	if !echo {
		t.hideRest(ctx)
	}
	switch {
	case ctx.Err() != nil:
		clear(line)
		return nil, context.Cause(ctx)
	case err != nil:
		clear(line)
		return nil, err
	}
	return line, nil
}

// Say shows a text and waits for no answer.
func (t *Terminal) Say(ctx context.Context, text string) error {
	defer t.interruptible(ctx)()
	return t.write(text)
}

// ReadLine shows a text and a prompt, and returns the line that the person types,
// which is shown too.
func (t *Terminal) ReadLine(ctx context.Context, text, prompt string) ([]byte, error) {
	return t.converse(ctx, true, text, prompt)
}

// exchange drops what was typed before the prompt was shown: it cannot be the answer.
func (t *Terminal) exchange(text, prompt string) ([]byte, error) {
	if err := t.write(text); err != nil {
		return nil, err
	}
	if err := flush(t.tty); err != nil {
		return nil, err
	}
	if err := t.write(prompt); err != nil {
		return nil, err
	}
	return t.readLine()
}

// interruptible makes reads and writes fail when ctx ends, until the returned
// function is called.
func (t *Terminal) interruptible(ctx context.Context) func() {
	_ = t.tty.SetDeadline(time.Time{})
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = t.tty.SetDeadline(time.Unix(1, 0))
		close(done)
	})
	return func() {
		if !stop() {
			<-done
		}
		_ = t.tty.SetDeadline(time.Time{})
	}
}

// hideRest keeps the echo off for the pause of hand after the question for a secret was
// withdrawn: the person may still be typing. A terminal that is gone belongs to its
// shell again.
func (t *Terminal) hideRest(ctx context.Context) {
	cause := context.Cause(ctx)
	if cause != nil && !errors.Is(cause, confirm.ErrElsewhere) && !errors.Is(cause, confirm.ErrTerminalGone) {
		time.Sleep(t.hand.length())
	}
}

// endTimeout bounds the last write: the terminal may be stopped.
const endTimeout = time.Second

// endQuestion shows how the question ended.
func (t *Terminal) endQuestion(ctx context.Context, newline bool) {
	words := "\n"
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded), errors.Is(context.Cause(ctx), confirm.ErrNoAnswer):
		words = "\n(no answer: refused)\n"
	case errors.Is(context.Cause(ctx), confirm.ErrMoreHosts):
		words = "\n(asked again: more hosts of this command wait)\n"
	case errors.Is(context.Cause(ctx), confirm.ErrElsewhere):
		words = "\n(answered elsewhere)\n"
	case errors.Is(context.Cause(ctx), confirm.ErrTerminalGone):
		words = "\n(refused: this terminal does not answer any more)\n"
	case ctx.Err() != nil:
		words = "\n(withdrawn: the program went away)\n"
	case newline: // the person's own Enter was shown
		return
	}
	_ = t.tty.SetWriteDeadline(time.Now().Add(endTimeout))
	_ = t.write(words)
}

// write replaces every control character but the newline.
func (t *Terminal) write(text string) error {
	text = strings.Map(func(r rune) rune {
		if r != '\n' && (r < 0x20 || 0x7f <= r && r < 0xa0) {
			return '?'
		}
		return r
	}, text)
	_, err := io.WriteString(t.tty, text)
	return err
}

// readLine reads up to the newline. Ctrl-D and Ctrl-C close the question.
func (t *Terminal) readLine() ([]byte, error) {
	buf := make([]byte, maxSecret)
	for n := 0; n < len(buf); {
		m, err := t.tty.Read(buf[n:])
		n += m
		if err != nil && m == 0 {
			clear(buf)
			if errors.Is(err, io.EOF) {
				return nil, confirm.ErrClosed
			}
			return nil, err
		}
		if bytes.IndexByte(buf[n-m:n], ctrlC) >= 0 {
			clear(buf)
			return nil, confirm.ErrClosed
		}
		if buf[n-1] == '\n' {
			return buf[:n-1], nil
		}
	}
	clear(buf)
	return nil, errors.New("the line is too long")
}

const ctrlC = 0x03
