package ways

import (
	"os/exec"
	"syscall"
)

// dismiss asks the window's program to end, so that it removes its alert, which
// another process shows. After killDelay it is killed.
func dismiss(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
