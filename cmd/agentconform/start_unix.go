//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// shell runs a command, in a process group of its own.
func shell(command string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// end asks the group of a command to end, and the process that it printed; 0: none.
func end(group, pid int) { signalBoth(group, pid, syscall.SIGTERM) }

func kill(group, pid int) { signalBoth(group, pid, syscall.SIGKILL) }

func signalBoth(group, pid int, signal syscall.Signal) {
	_ = syscall.Kill(-group, signal)
	if pid > 1 {
		_ = syscall.Kill(pid, signal)
	}
}
