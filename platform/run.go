package platform

import (
	"context"
	"os/exec"
)

// Command prepares a program that works for this process and does not talk to the person
// in the console. On Windows a console program whose parent has no console opens a
// window for one, which would take the keyboard from a question: this one opens none.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	hideConsole(cmd)
	return cmd
}
