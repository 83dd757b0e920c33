package confirm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// labelWidth aligns the facts: the longest label and two blanks.
const labelWidth = 9

// terminal asks on a terminal of the daemon's own. One question at a time:
// the queue sees to it.
type terminal struct {
	tty ttyFile
}

// newTerminal takes a terminal whose reads can be ended (SetReadDeadline):
// otherwise a question could not be withdrawn.
func newTerminal(file *os.File) (*terminal, error) {
	if file == nil {
		return nil, errors.New("confirm: the daemon has no terminal\n" +
			"start it in the foreground of one, or set prompt = \"pinentry\"")
	}
	tty, err := openTTY(file)
	if err != nil {
		return nil, fmt.Errorf("confirm: %w", err)
	}
	if err := tty.SetDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("confirm: a question on %s could not be withdrawn: %w\n"+
			"use the terminal's own name, such as /dev/ttys003, or set prompt = \"pinentry\"", tty.Name(), err)
	}
	if err := checkTerminal(tty); err != nil {
		return nil, err
	}
	return &terminal{tty: tty}, nil
}

func (t *terminal) Name() string { return "terminal" }

// Ask allows only when "y", "yes", "m", "minutes", "g", "git", or "h", "hosts" was typed in
// full after the question was shown. Enter, the end of the input and anything else deny.
func (t *terminal) Ask(ctx context.Context, q Question) (Answer, error) {
	prompt := choices(ctx, q)
	text, err := t.fitting(prompt, func(w writer) string { return w.facts(q) })
	if err != nil {
		return Answer{}, err
	}
	line, err := t.converse(ctx, true, text, prompt)
	if err != nil {
		return Answer{}, err
	}
	switch word := strings.ToLower(string(bytes.TrimSpace(line))); {
	case word == "y" || word == "yes":
		return allowed(AllowOnce, 0), nil
	case (word == "m" || word == "minutes") && q.Remember > 0:
		return allowed(AllowFor, q.Remember), nil
	case q.Burst != nil && (word == q.Burst.word() || word == q.Burst.word()[:1]):
		return allowed(AllowBurst, 0), nil
	}
	return saidNo("denied by the person"), nil
}

func (w writer) facts(q Question) string {
	title, _ := w.text(q)
	return "\nkeybroker: " + title + "\n" + w.rows(q)
}

func (w writer) rows(q Question) string {
	var b strings.Builder
	_, lines := w.text(q)
	if q.Burst != nil {
		lines = append(lines, q.Burst.Line())
	}
	for _, line := range lines {
		fmt.Fprintf(&b, "  %-*s%s\n", labelWidth, line.Label, line.Value())
	}
	return b.String()
}

func choices(ctx context.Context, q Question) string {
	var b strings.Builder
	b.WriteString("Allow? [y]es once / ")
	if q.Remember > 0 {
		fmt.Fprintf(&b, "[m]inutes (%s) / ", keys.ShortDuration(q.Remember))
	}
	if q.Burst != nil {
		fmt.Fprintf(&b, "[%s]%s / ", q.Burst.word()[:1], q.Burst.choice())
	}
	b.WriteString("[N]o")
	if end, ok := ctx.Deadline(); ok {
		fmt.Fprintf(&b, " (%.0f s)", time.Until(end).Seconds())
	}
	return b.String() + ": "
}

// Secret reads a line without showing it.
func (t *terminal) Secret(ctx context.Context, q SecretQuestion) ([]byte, error) {
	prompt := clean(q.Prompt, maxValue) + " "
	text, err := t.fitting(prompt, func(w writer) string { return w.secretText(q) })
	if err != nil {
		return nil, err
	}
	return t.converse(ctx, false, text, prompt)
}

func (w writer) secretText(q SecretQuestion) string {
	text := "\nkeybroker: " + clean(q.Title, 2*maxLong) + "\n"
	if q.Text != "" {
		text += cleanLines(q.Text) + "\n"
	}
	if q.Facts {
		text += w.rows(q.question())
	}
	if q.Error != "" {
		text += cleanLines(q.Error) + "\n"
	}
	return text
}

// converse shows a text and a prompt, and returns the line that is typed after
// them, without its end. The terminal is left as it was found on every path. Until
// then no other program can open it: that could read what is typed there, or write
// below the question. Not between questions, where the person may run something
// that opens /dev/tty.
func (t *terminal) converse(ctx context.Context, echo bool, text, prompt string) (line []byte, err error) {
	if err := exclusive(t.tty, true); err != nil && !errors.Is(err, errors.ErrUnsupported) { // a console of Windows is its process's own
		return nil, fmt.Errorf("terminal: others cannot be kept off it: %w", err)
	}
	defer exclusive(t.tty, false) // a terminal that is gone has nobody on it
	restore, err := setMode(t.tty, echo)
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	defer restore()
	defer t.interruptible(ctx)()
	line, err = t.exchange(text, prompt)
	t.close(ctx, echo && err == nil)
	switch {
	case ctx.Err() != nil:
		clear(line)
		return nil, fmt.Errorf("terminal: %w", context.Cause(ctx))
	case err != nil:
		clear(line)
		return nil, fmt.Errorf("terminal: %w", err)
	}
	return line, nil
}

// exchange drops what was typed before the prompt was shown: it cannot be an
// answer to it.
func (t *terminal) exchange(text, prompt string) ([]byte, error) {
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

// interruptible makes ctx's end interrupt reads and writes until the returned
// function is called.
func (t *terminal) interruptible(ctx context.Context) func() {
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

// farewellTime is how long the last words may take on a stopped terminal.
const farewellTime = time.Second

// close ends the question on the screen.
func (t *terminal) close(ctx context.Context, newline bool) {
	words := "\n"
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded), errors.Is(context.Cause(ctx), ErrNoAnswer):
		words = "\n(no answer: refused)\n"
	case errors.Is(context.Cause(ctx), errElsewhere):
		words = "\n(answered elsewhere)\n"
	case errors.Is(context.Cause(ctx), errUnnamed):
		words = "\n(refused: this terminal does not answer any more)\n"
	case ctx.Err() != nil:
		words = "\n(withdrawn: the program went away)\n"
	case newline: // the person's own Enter was shown
		return
	}
	_ = t.tty.SetWriteDeadline(time.Now().Add(farewellTime))
	_ = t.write(words)
}

// write lets no control character but the line's end reach the terminal,
// whatever the text was made of.
func (t *terminal) write(text string) error {
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
func (t *terminal) readLine() ([]byte, error) {
	buf := make([]byte, maxSecret)
	for n := 0; n < len(buf); {
		m, err := t.tty.Read(buf[n:])
		n += m
		if err != nil && m == 0 {
			clear(buf)
			if errors.Is(err, io.EOF) {
				return nil, ErrClosed
			}
			return nil, err
		}
		if bytes.IndexByte(buf[n-m:n], ctrlC) >= 0 {
			clear(buf)
			return nil, ErrClosed
		}
		if buf[n-1] == '\n' {
			return buf[:n-1], nil
		}
	}
	clear(buf)
	return nil, errors.New("the line is too long")
}

const ctrlC = 0x03
