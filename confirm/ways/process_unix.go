//go:build unix

package ways

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup starts the program in a session of its own: one signal reaches all
// that it starts, and it has no terminal to fall back to.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// programSuffix ends the names of programs.
const programSuffix = ""

// runnable says whether a file is a program.
func runnable(info os.FileInfo) bool { return info.Mode()&0o111 != 0 }
