//go:build unix

package platform

import (
	"os/exec"
	"syscall"
)

// EndsWhole makes the end of cmd's context end also what cmd has started.
func EndsWhole(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
