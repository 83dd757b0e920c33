//go:build unix

package ways

import (
	"os"
	"os/exec"
	"syscall"
)

// newSession starts the program in a new session: one signal reaches all processes
// that it starts, and it has no terminal to fall back to.
func newSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// programSuffix ends the file names of programs.
const programSuffix = ""

// runnable reports whether a file is executable.
func runnable(info os.FileInfo) bool { return info.Mode()&0o111 != 0 }
