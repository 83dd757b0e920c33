package main

import (
	"fmt"
	"os"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/platform"
)

// prompt shows the question that comes on standard input and writes the answer
// to standard output. Both are what the daemon made for it (a socket, on Windows
// two pipes), so that there is no name under which another program could answer.
func prompt([]string) int {
	if info, err := os.Stdin.Stat(); err != nil || info.Mode()&stdinType == 0 {
		fmt.Fprintln(os.Stderr, "keybroker-desktop prompt is started by keybroker daemon alone")
		return 2
	}
	if _, err := platform.Harden(); err != nil { // a passphrase is typed here, and the answer comes from here
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

// gone is closed when the daemon has hung up: nobody waits for an answer.
func gone() <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1)) // the daemon says no more than the question
		close(ended)
	}()
	return ended
}
