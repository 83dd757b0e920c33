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
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Programs in which any other program of the user can read and type.
var multiplexers = []string{"tmux", "screen"}

func newApproveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "approve",
		Short: "Answer the broker's questions in this terminal",
		Long: `Answer the broker's questions in this terminal, until Ctrl-C or until it is
closed: for a login over ssh, a tmux pane, a machine without a desktop.

First the terminal is paired. A code is shown here; type it where the broker
asks for it: its window, pinentry, its own terminal, or the terminal that is
paired now. Where it has none of these, type it here; all your other terminals
are told then, and there must be one that can be. One terminal is paired at a time, and only while this command runs.

While it runs, questions are shown here and, where there is one, in the usual
place too: the first answer counts. With prompt = "approve" in the configuration
they are shown here only. Ctrl-C at a question denies it; elsewhere it ends
this command, which refuses what was asked here.`,
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
		return usageError{problem.New("keybroker approve answers in a terminal, and its input or output is none", "run it in one, with nothing redirected: ssh -t, a tmux pane, a console")}
	}
	defer func() { // should the broker have died in the middle of a question
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
		return broker.Absent("the broker has ended, and with it this terminal's answers", "when it runs again: keybroker approve")
	case isNotRunning(err):
		return notRunning(err)
	}
	return refusedError{err}
}

func welcomeHere(out io.Writer) {
	fmt.Fprintln(out, "\nThis terminal answers the broker's questions now. Keep this running; Ctrl-C ends it.")
	name := inMultiplexer(os.Getenv)
	if name != "" {
		fmt.Fprintf(out, "Note: it is in %s, where every program that runs as you can read and type.\n", name)
	}
}

// inMultiplexer goes by what these programs set: $TMUX, $STY and $TERM.
func inMultiplexer(env func(string) string) string {
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
