package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// multiplexers are programs in which any program of the user can read and type.
var multiplexers = []string{"tmux", "screen"}

func newApproveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "approve",
		Short: "Answer the broker's questions in this terminal",
		Long: `Answer the broker's questions in this terminal, until Ctrl-C or until it is
closed: for a login over ssh, in a tmux pane or on a machine without a desktop.

First the terminal is paired. This command shows a code; type it where the broker
asks for it: in its window, in pinentry, in its own terminal, or in the terminal
that is paired now. If it has none of these, type the code here. All your other
terminals are notified then; at least one must be reachable. Only one terminal is
paired at a time, and only while this command runs.

While it runs, questions appear here and in the usual place, if there is one; the
first answer counts. With prompt = "approve" in the configuration they appear only
here. Ctrl-C at a question denies it. At any other time it ends this command, and
questions that are open here are refused.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if err := harden(); err != nil {
				return err
			}
			return approve(cmd.Context(), client, cmd.OutOrStdout())
		},
	}
}

func approve(ctx context.Context, client *control.Client, out io.Writer) error {
	before, err := term.GetState(int(os.Stdin.Fd()))
	if err != nil || !term.IsTerminal(int(os.Stdout.Fd())) {
		return cli.Usage(problem.New("keybroker approve needs a terminal, but its input or output is redirected", "run it in a terminal without redirection: ssh -t, a tmux pane, a console"))
	}
	defer func() { // in case the broker died in the middle of a question
		_ = platform.LeaveTerminal(os.Stdin)
		_ = term.Restore(int(os.Stdin.Fd()), before)
	}()
	began := false
	err = client.Approve(ctx, func() {
		began = true
		welcomeHere(out)
	})
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(out, "\nThis terminal does not answer any more.")
		return nil
	case isNotRunning(err) && began:
		return broker.Absent("the broker has ended, so this terminal answers no longer", "start the broker, then: keybroker approve")
	case isNotRunning(err):
		return notRunning(err)
	}
	return cli.Refused(err)
}

func welcomeHere(out io.Writer) {
	fmt.Fprintln(out, "\nThis terminal now answers the broker's questions. Keep this command running; Ctrl-C ends it.")
	name := multiplexerName(os.Getenv)
	if name != "" {
		fmt.Fprintf(out, "Note: it is in %s, where every program that runs as you can read and type.\n", name)
	}
}

// multiplexerName names the multiplexer around this terminal, or is "". It goes by
// $TMUX, $STY and $TERM.
func multiplexerName(env func(string) string) string {
	switch {
	case env("TMUX") != "":
		return "tmux"
	case env("STY") != "":
		return "screen"
	}
	i := slices.IndexFunc(multiplexers, func(name string) bool { return strings.HasPrefix(env("TERM"), name) })
	if i < 0 {
		return ""
	}
	return multiplexers[i]
}
