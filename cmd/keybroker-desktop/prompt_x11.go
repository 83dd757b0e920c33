//go:build !windows && !darwin

package main

import (
	"os"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/desktop/window"
)

// stdinType is the kind of file that the daemon asks over.
const stdinType = os.ModeSocket

func show(q question.Question, gone <-chan struct{}) question.Answer {
	return window.Show(q, window.Config{Env: os.Getenv, Gone: gone})
}
