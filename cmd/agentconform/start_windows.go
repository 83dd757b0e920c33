package main

import (
	"os"
	"os/exec"
)

// shell runs a command.
func shell(command string) *exec.Cmd { return exec.Command("cmd", "/C", command) }

// end ends a command, and the process that it printed; 0: none. Windows has no polite way.
func end(pids ...int) {
	for _, pid := range pids {
		if process, err := os.FindProcess(pid); err == nil && pid != 0 {
			_ = process.Kill()
		}
	}
}

func kill(group, pid int) { end(group, pid) }
