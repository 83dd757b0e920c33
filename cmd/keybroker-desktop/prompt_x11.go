//go:build !windows && !darwin

package main

import (
	"fmt"
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

// confined goes on where the system has no such protection, which `keybroker status` says.
func confined(fontDirs []string) error {
	if err := confine.Prompt(append(fontDirs, "/usr")...); err != nil { // fonts may be links
		return fmt.Errorf("it cannot give up its rights, so it shows nothing: %w", err)
	}
	return nil
}
