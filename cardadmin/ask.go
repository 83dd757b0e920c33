package cardadmin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
)

// output is where a card command writes: its results, and its remarks.
type output struct{ out, say io.Writer }

// askLine asks for something that is not secret.
func (w output) askLine(ctx context.Context, question string) (string, error) {
	fmt.Fprint(w.say, question)
	line, err := terminal.Line(ctx)
	if err != nil || !terminal.Interactive() {
		fmt.Fprintln(w.say)
	}
	return strings.TrimSpace(string(line)), err
}

// askSecret asks without echo; the caller wipes the answer.
func (w output) askSecret(ctx context.Context, question string) ([]byte, error) {
	fmt.Fprint(w.say, question)
	defer fmt.Fprintln(w.say)
	return terminal.Secret(ctx)
}

// askNewSecret asks for a new PIN or PUK, twice on a terminal, until check accepts it.
// In a script, a value that check rejects is an error.
func (w output) askNewSecret(ctx context.Context, what string, check func([]byte) error) ([]byte, error) {
	for {
		secret, err := w.askNewOnce(ctx, what, check)
		if err == nil || !terminal.Interactive() || errors.Is(err, terminal.ErrNoLine) || errors.Is(err, terminal.ErrInterrupted) {
			return secret, err
		}
		clear(secret)
		fmt.Fprintf(w.say, "Not accepted: %s.\n", platform.Plain(err))
	}
}

func (w output) askNewOnce(ctx context.Context, what string, check func([]byte) error) ([]byte, error) {
	secret, err := w.askSecret(ctx, fmt.Sprintf("New %s (6 to 8 characters): ", what))
	if err == nil {
		err = check(secret)
	}
	if err != nil || !terminal.Interactive() {
		return secret, err
	}
	again, err := w.askSecret(ctx, "Type it again: ")
	defer clear(again)
	if err == nil && !bytes.Equal(secret, again) {
		err = fmt.Errorf("the two %ss differ", what)
	}
	return secret, err
}

// agreed asks a question before a change; Enter means yes. On a terminal it asks again
// until the answer is yes or no.
func (w output) agreed(ctx context.Context, question string) (bool, error) {
	for {
		answer, err := w.askLine(ctx, question+" [Y/n] ")
		if err != nil {
			return false, err
		}
		switch strings.ToLower(answer) {
		case "", "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
		if !terminal.Interactive() {
			return false, fmt.Errorf("%q is neither yes nor no", platform.Escape(answer, 40))
		}
	}
}

// confirmInWords has the person type words before a change that cannot be undone.
func (w output) confirmInWords(ctx context.Context, warning, words string) error {
	answer, err := w.askLine(ctx, fmt.Sprintf("%s\nTo do it, type: %s\n> ", warning, words))
	if err != nil {
		return err
	}
	if answer != words {
		return RefusedError{errors.New("nothing was done: the words were not typed")}
	}
	return nil
}
