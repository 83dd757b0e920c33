package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"golang.org/x/term"
)

// atTerminal says whether a person can be asked. If not, answers are lines of
// standard input.
func atTerminal() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

var errNoLine = errors.New("no answer: standard input is no terminal and has no more lines\nrun it in a terminal, or pipe the answers in, one line each")

// askLine asks something that may be seen.
func (w cardOut) askLine(question string) (string, error) {
	fmt.Fprint(w.say, question)
	line, err := readLine(os.Stdin)
	if !atTerminal() {
		fmt.Fprintln(w.say)
	}
	if err != nil {
		return "", errNoLine
	}
	return strings.TrimSpace(string(line)), nil
}

// askSecret asks without echo; the caller wipes the answer.
func (w cardOut) askSecret(question string) ([]byte, error) {
	fmt.Fprint(w.say, question)
	defer fmt.Fprintln(w.say)
	if atTerminal() {
		return term.ReadPassword(int(os.Stdin.Fd()))
	}
	line, err := readLine(os.Stdin)
	if err != nil {
		return nil, errNoLine
	}
	return line, nil
}

// askNewSecret asks for a new PIN or PUK, twice on a terminal, until check
// takes it. In a script one that is not taken is an error.
func (w cardOut) askNewSecret(what string, check func([]byte) error) ([]byte, error) {
	for {
		secret, err := w.askNewOnce(what, check)
		if err == nil || !atTerminal() || errors.Is(err, errNoLine) {
			return secret, err
		}
		fmt.Fprintf(w.say, "Not taken: %v.\n", err)
	}
}

func (w cardOut) askNewOnce(what string, check func([]byte) error) ([]byte, error) {
	secret, err := w.askSecret(fmt.Sprintf("New %s (6 to 8 characters): ", what))
	if err == nil {
		err = check(secret)
	}
	if err != nil || !atTerminal() {
		return secret, err
	}
	again, err := w.askSecret("The same again: ")
	defer clear(again)
	if err == nil && !bytes.Equal(secret, again) {
		err = fmt.Errorf("the two %ss differ", what)
	}
	return secret, err
}

// agreed asks a question before a change; Enter means yes, and what is neither
// yes nor no is asked again on a terminal.
func (w cardOut) agreed(question string) (bool, error) {
	for {
		answer, err := w.askLine(question + " [Y/n] ")
		if err != nil {
			return false, err
		}
		switch strings.ToLower(answer) {
		case "", "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
		if !atTerminal() {
			return false, fmt.Errorf("%q is neither yes nor no", platform.Escape(answer, 40))
		}
	}
}

// inWords has the person type words before what cannot be taken back.
func (w cardOut) inWords(warning, words string) error {
	answer, err := w.askLine(fmt.Sprintf("%s\nTo do it, type: %s\n> ", warning, words))
	if err != nil {
		return err
	}
	if answer != words {
		return refusedError{errors.New("nothing was done: the words were not typed")}
	}
	return nil
}
