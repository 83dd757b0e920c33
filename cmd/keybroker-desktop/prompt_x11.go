//go:build !windows && !darwin

package main

import (
	"os"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/desktop/window"
	"github.com/keybroker/keybroker/platform/confine"
)

// stdinType is the kind of file that the daemon asks over.
const stdinType = os.ModeSocket

func show(q question.Question, gone <-chan struct{}) question.Answer {
	return window.Show(q, window.Config{Env: os.Getenv, Gone: gone, Connected: confined})
}

// confined goes on where the system has no such protection: `keybroker status` says so.
func confined(fontDirs []string) { _ = confine.Prompt(append(fontDirs, "/usr")...) } // fonts may be links
