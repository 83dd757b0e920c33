package platform

import (
	"os"
	"os/exec"
)

// Become runs another program in this one's place: Windows has no exec, so that
// this process waits for its end.
func Become(program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}
