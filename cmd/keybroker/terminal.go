package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// atTerminal says whether a person can be asked. If not, answers are lines of
// standard input.
func atTerminal() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

var (
	errNoLine      = errors.New("no answer: standard input is no terminal and has no more lines\nrun it in a terminal, or pipe the answers in, one line each")
	errInterrupted = errors.New("interrupted: nothing more was done\nrun it again to go on")
)

// asked is an answer that was read.
type asked struct {
	text []byte
	err  error
}

// ask reads an answer. Ctrl-C ends the wait, and leaves the terminal as it was.
func ask(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	before, _ := term.GetState(int(os.Stdin.Fd()))
	answer := make(chan asked, 1)
	go func() {
		text, err := read()
		answer <- asked{text, err}
	}()
	select {
	case a := <-answer:
		switch {
		case ctx.Err() != nil: // Enter right after Ctrl-C
			clear(a.text)
			return nil, errInterrupted
		case a.err != nil:
			return nil, errNoLine
		}
		return a.text, nil
	case <-ctx.Done():
		if before != nil {
			_ = term.Restore(int(os.Stdin.Fd()), before)
		}
		return nil, errInterrupted
	}
}

// readPassphrase asks on the terminal without echo. Where standard input is no
// terminal, it is the first line of that, so that a script can pipe it; never
// an argument or a variable, which other programs can read.
func readPassphrase(ctx context.Context, prompt string) ([]byte, error) {
	if err := harden(); err != nil {
		return nil, err
	}
	if atTerminal() {
		fmt.Fprint(os.Stderr, prompt)
		defer fmt.Fprintln(os.Stderr)
		return ask(ctx, func() ([]byte, error) { return term.ReadPassword(int(os.Stdin.Fd())) })
	}
	line, err := readLine(os.Stdin)
	if err != nil {
		return nil, fmt.Errorf("no passphrase: standard input is no terminal and has no line\nrun it in a terminal, or pipe the passphrase in")
	}
	return line, nil
}

// readNewPassphrase asks twice on a terminal.
func readNewPassphrase(ctx context.Context, prompt string) ([]byte, error) {
	first, err := readPassphrase(ctx, prompt)
	if err != nil || !atTerminal() {
		return notEmpty(first, err)
	}
	again, err := readPassphrase(ctx, "Again: ")
	defer clear(again)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, again) {
		clear(first)
		return nil, errors.New("the two passphrases differ\ntry again")
	}
	return notEmpty(first, nil)
}

func notEmpty(passphrase []byte, err error) ([]byte, error) {
	if err == nil && len(passphrase) == 0 {
		return nil, errors.New("an empty passphrase protects nothing\ngive one")
	}
	return passphrase, err
}

// readLine reads byte by byte up to a line's end, so that what follows stays
// for the next question.
func readLine(r io.Reader) ([]byte, error) {
	var line []byte
	one := make([]byte, 1)
	for {
		n, err := r.Read(one)
		switch {
		case n == 1 && one[0] == '\n':
			return bytes.TrimSuffix(line, []byte("\r")), nil
		case n == 1:
			line = append(line, one[0])
		case err != nil && len(line) > 0:
			return line, nil
		case err != nil:
			return nil, err
		}
	}
}

// confirmed asks a yes-or-no question; anything but yes means no.
func confirmed(ctx context.Context, question string) (bool, error) {
	fmt.Fprint(os.Stderr, question+" [y/N] ")
	line, err := ask(ctx, func() ([]byte, error) { return readLine(os.Stdin) })
	if err != nil {
		fmt.Fprintln(os.Stderr)
	}
	if errors.Is(err, errNoLine) {
		return false, nil
	}
	answer := strings.ToLower(strings.TrimSpace(string(line)))
	return answer == "y" || answer == "yes", err
}
