//go:build unix

package sshadd

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Variable is set when ssh-add starts this program to ask for a passphrase. It
// holds the descriptor of the socket that gives Answer the passphrase.
const Variable = "KEYBROKER_IMPORT_ASKPASS"

// maxAnswer bounds a passphrase; OpenSSH reads 1,023 bytes.
const maxAnswer = 1023

// Answer is the askpass program of ssh-add: it gets the passphrase from the
// importing command and prints it to ssh-add.
func Answer(out io.Writer) error {
	fd, err := strconv.Atoi(os.Getenv(Variable))
	if err != nil {
		return err
	}
	conn := os.NewFile(uintptr(fd), "answers")
	if conn == nil {
		return errors.New("there is no socket to ask on")
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{'?'}); err != nil {
		return err
	}
	answer := make([]byte, 0, maxAnswer+1)
	defer func() { clear(answer[:cap(answer)]) }()
	for !bytes.HasSuffix(answer, []byte("\n")) {
		if len(answer) == cap(answer) {
			return errors.New("the passphrase is too long")
		}
		n, err := conn.Read(answer[len(answer):cap(answer)])
		if answer = answer[:len(answer)+n]; n == 0 || err != nil {
			return errors.New("no passphrase was given")
		}
	}
	_, err = out.Write(answer)
	return err
}

func hasName(pair string, names ...string) bool {
	name, _, _ := strings.Cut(pair, "=")
	return slices.Contains(names, name)
}
