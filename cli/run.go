package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/spf13/cobra"
)

// Run runs root with args until it ends or the person interrupts it: by Ctrl-C, by
// SIGTERM, or by a signal of more that is not ignored (nohup). It prints the error as text
// writes it, and returns the exit code that code gives it.
func Run(root *cobra.Command, args []string, text func(error) string, code func(error) int, more ...os.Signal) int {
	interrupts := append(slices.DeleteFunc(more, signal.Ignored), os.Interrupt, syscall.SIGTERM)
	ctx, stop := signal.NotifyContext(context.Background(), interrupts...)
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
		fmt.Fprintln(os.Stderr, root.Name()+":", Escaped(text(err)))
	}
	return code(err)
}
