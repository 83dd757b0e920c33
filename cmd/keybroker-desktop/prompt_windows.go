package main

import (
	"os"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/desktop/taskdialog"
)

// stdinType is the kind of file that the daemon asks over.
const stdinType = os.ModeNamedPipe

func show(q question.Question, gone <-chan struct{}) question.Answer {
	return taskdialog.Show(q, gone)
}
