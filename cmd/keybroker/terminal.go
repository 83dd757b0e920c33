package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// readPassphrase asks on the terminal without echo. Where standard input is no
// terminal, it is the first line of that, so that a script can pipe it; never
// an argument or a variable, which other programs can read.
func readPassphrase(prompt string) ([]byte, error) {
	if term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprint(os.Stderr, prompt)
		defer fmt.Fprintln(os.Stderr)
		return term.ReadPassword(int(os.Stdin.Fd()))
	}
	line, err := readLine(os.Stdin)
	if err != nil {
		return nil, fmt.Errorf("no passphrase: standard input is no terminal and has no line\nrun it in a terminal, or pipe the passphrase in")
	}
	return line, nil
}

// readNewPassphrase asks twice on a terminal.
func readNewPassphrase(prompt string) ([]byte, error) {
	first, err := readPassphrase(prompt)
	if err != nil || !term.IsTerminal(int(os.Stdin.Fd())) {
		return notEmpty(first, err)
	}
	again, err := readPassphrase("Again: ")
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
func confirmed(question string) bool {
	fmt.Fprint(os.Stderr, question+" [y/N] ")
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
