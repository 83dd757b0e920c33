//go:build !windows

package platform

import "os/exec"

// hideConsole does nothing: programs open no windows by themselves here.
func hideConsole(*exec.Cmd) {}
