package main

import (
	"fmt"
	"os"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/platform"
)

// prompt reads a question from standard input, shows it, and writes the answer to
// standard output. The daemon made both (a socket, on Windows two pipes), so that
// no other program can reach them by a name and answer.
func prompt([]string) int {
	if info, err := os.Stdin.Stat(); err != nil || info.Mode()&stdinType == 0 {
		fmt.Fprintln(os.Stderr, "keybroker-desktop prompt is started by keybroker daemon alone")
		return 2
	}
	if _, err := platform.Harden(); err != nil { // passphrases and answers pass through this process
		fmt.Fprintln(os.Stderr, "keybroker-desktop:", err)
		return 1
	}
	q, err := question.Receive(os.Stdin)
	if err != nil {
		return 1
	}
	answer := show(q, gone())
	defer clear(answer.Text)
	if answer.Send(os.Stdout) != nil {
		return 1
	}
	return 0
}

// gone is closed when the daemon hangs up: nobody waits for an answer then.
func gone() <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1)) // the daemon sends nothing after the question
		close(ended)
	}()
	return ended
}
