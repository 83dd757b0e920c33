package main

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/spf13/cobra"
)

func newPauseCommand(a *app) *cobra.Command {
	return a.switchCommand("pause", "Refuse every use of a key until resumed",
		`Refuse every use of a key, whatever rules and grants say, until "keybroker
resume" or a restart. Keys are still listed. It needs no passphrase: to keep
others from undoing it, use "keybroker lock".`,
		(*control.Client).Pause, "The broker is paused. Resume it: keybroker resume")
}

func newResumeCommand(a *app) *cobra.Command {
	return a.switchCommand("resume", "Undo pause", "", (*control.Client).Resume, "The broker is resumed.")
}

// switchCommand is a command that makes one call and reports success.
func (a *app) switchCommand(use, short, long string, call func(*control.Client, context.Context) error, done string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if err := call(client, cmd.Context()); err != nil {
				return notRunning(err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), done)
			return nil
		},
	}
}
