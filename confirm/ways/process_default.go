//go:build !darwin

package ways

import "os/exec"

// dismiss ends a window's program, and with it the window.
func dismiss(cmd *exec.Cmd) error { return killGroup(cmd) }
