package ways

import (
	"os/exec"
	"syscall"
)

// dismiss ends a window's program so that it can take its alert back, which
// another process shows. It is killed after killDelay, if it does not end.
func dismiss(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
