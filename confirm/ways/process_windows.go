package ways

import (
	"os"
	"os/exec"
)

// ownGroup does nothing: a process group of Windows serves for Ctrl-C only.
// What a prompt program starts itself is not killed here.
func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

// programSuffix ends the names of programs.
const programSuffix = ".exe"

// runnable says whether a file is a program; Windows goes by the name.
func runnable(os.FileInfo) bool { return true }
