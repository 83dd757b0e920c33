package ways

import (
	"os"
	"os/exec"
)

// newSession does nothing: on Windows a process group serves for Ctrl-C only.
// Processes that a prompt program starts are not killed.
func newSession(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

// programSuffix ends the file names of programs.
const programSuffix = ".exe"

// runnable reports whether a file is executable. On Windows its name decides.
func runnable(os.FileInfo) bool { return true }
