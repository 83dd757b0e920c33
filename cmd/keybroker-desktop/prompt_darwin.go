package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/keybroker/keybroker/desktop/alert"
	"github.com/keybroker/keybroker/desktop/question"
)

// stdinType is the kind of file that the daemon asks over.
const stdinType = os.ModeSocket

// show also removes the alert when the daemon ends this process: the alert belongs to
// another process and would stay.
func show(q question.Question, gone <-chan struct{}) question.Answer {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	over := make(chan struct{})
	go func() {
		select {
		case <-gone:
		case <-ended:
		}
		close(over)
	}()
	return alert.Show(q, over)
}
