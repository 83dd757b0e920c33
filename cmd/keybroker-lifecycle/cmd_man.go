package main

import (
	"github.com/keybroker/keybroker/cli"
	"github.com/spf13/cobra"
)

// newManCommand is called by keybroker man.
func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Short:  "Write the manual pages of the commands in this program into a directory",
		Hidden: true,
		Args:   cli.ExactArgs(1),
		// It needs no configuration.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, sub := range cmd.Root().Commands() {
				if err := cli.WriteManPages(sub, args[0], version); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
