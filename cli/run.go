package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/spf13/cobra"
)

// Run runs root with args until it ends or the person interrupts it. It prints the error
// as text writes it, and returns the exit code that code gives it.
func Run(root *cobra.Command, args []string, text func(error) string, code func(error) int) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends a process that hangs
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil && err != ExitStatus(ExitInterrupted) { // by Ctrl-C, whatever the error says
		err = terminal.ErrInterrupted
	}
	if status, ok := errors.AsType[ExitStatus](err); ok {
		return int(status)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "keybroker:", text(err))
	}
	return code(err)
}
