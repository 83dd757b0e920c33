// Package terminal asks the person who runs a command, on the terminal of the command.
// When standard input is not a terminal, its lines are the answers.
package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/term"
)

// Interactive reports whether standard input is a terminal.
func Interactive() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// Open opens the terminal that this process was started in, if it was.
func Open() *os.File {
	stat, err := os.Stdin.Stat()
	if err != nil || stat.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	tty, err := os.OpenFile(Path, os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	return tty
}

// Reasons for a missing answer.
var (
	ErrNoLine      = problem.New("no answer: standard input is not a terminal and has no more lines", "run it in a terminal, or pipe the answers in, one line each")
	ErrInterrupted = problem.New("interrupted: nothing more was done", "run it again to go on")
)

// Interruptible runs wait, which may wait for a person or another program, until it
// returns or ctx ends. After that wait keeps running in the background.
func Interruptible[T any](ctx context.Context, wait func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ended := make(chan result, 1)
	go func() {
		value, err := wait()
		ended <- result{value, err}
	}()
	select {
	case r := <-ended:
		return r.value, r.err
	case <-ctx.Done():
		var zero T
		return zero, ErrInterrupted
	}
}

// ask reads an answer. Ctrl-C ends the wait and restores the terminal. The echo is
// therefore switched here and not in the reading goroutine, which may still run then.
func ask(ctx context.Context, echo bool) ([]byte, error) {
	fd := int(os.Stdin.Fd())
	if before, err := term.GetState(fd); err == nil {
		defer term.Restore(fd, before)
		if !echo {
			if err := hide(fd); err != nil {
				return nil, fmt.Errorf("the terminal does not hide what is typed: %w", err)
			}
		}
	}
	line, err := Interruptible(ctx, func() ([]byte, error) { return readLine(os.Stdin) })
	switch {
	case ctx.Err() != nil: // also when Enter follows Ctrl-C
		clear(line)
		return nil, ErrInterrupted
	case err != nil:
		return nil, ErrNoLine
	}
	return line, nil
}

// Line reads a line with echo.
func Line(ctx context.Context) ([]byte, error) { return ask(ctx, true) }

// Secret reads a line without echo; the caller wipes it.
func Secret(ctx context.Context) ([]byte, error) { return ask(ctx, false) }

// ReadPassphrase asks on the terminal without echo. When standard input is not a terminal,
// it reads the next line, so that a script can pipe the passphrase. Arguments and
// variables would be visible to other programs.
func ReadPassphrase(ctx context.Context, prompt string) ([]byte, error) {
	if _, err := platform.Harden(); err != nil { // no other program may read the answer
		return nil, err
	}
	if Interactive() {
		fmt.Fprint(os.Stderr, prompt)
		defer fmt.Fprintln(os.Stderr)
		return Secret(ctx)
	}
	line, err := Line(ctx)
	if errors.Is(err, ErrNoLine) {
		return nil, problem.New("no passphrase: standard input is not a terminal and is empty", "run it in a terminal, or pipe the passphrase in")
	}
	return line, err
}

// ReadNewPassphrase asks twice if standard input is a terminal.
func ReadNewPassphrase(ctx context.Context, prompt string) ([]byte, error) {
	first, err := ReadPassphrase(ctx, prompt)
	if err != nil || !Interactive() {
		return checkNotEmpty(first, err)
	}
	again, err := ReadPassphrase(ctx, "Again: ")
	defer clear(again)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, again) {
		clear(first)
		return nil, problem.New("the two passphrases differ", "try again")
	}
	return checkNotEmpty(first, nil)
}

func checkNotEmpty(passphrase []byte, err error) ([]byte, error) {
	if err == nil && len(passphrase) == 0 {
		return nil, problem.New("an empty passphrase protects nothing", "give one")
	}
	return passphrase, err
}

// lineCapacity is the length up to which reading a secret leaves no copies behind.
const lineCapacity = 4096

// readLine reads byte by byte up to the end of a line, so that later input stays for the
// next question.
func readLine(r io.Reader) ([]byte, error) {
	line := make([]byte, 0, lineCapacity)
	char := make([]byte, 1)
	for {
		n, err := r.Read(char)
		switch {
		case n == 1 && char[0] == '\n':
			return bytes.TrimSuffix(line, []byte("\r")), nil
		case n == 1:
			line = append(line, char[0])
		case err != nil && len(line) > 0:
			return line, nil
		case err != nil:
			return nil, err
		}
	}
}

// Confirm asks a yes-or-no question; anything but yes means no.
func Confirm(ctx context.Context, question string) (bool, error) {
	fmt.Fprint(os.Stderr, question+" [y/N] ")
	line, err := Line(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr)
	}
	if errors.Is(err, ErrNoLine) {
		return false, nil
	}
	answer := strings.ToLower(strings.TrimSpace(string(line)))
	return answer == "y" || answer == "yes", err
}
