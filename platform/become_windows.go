package platform

import (
	"os"
	"os/exec"
)

// Become runs another program and waits for its end, because Windows has no exec.
func Become(program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}
