package main

import "github.com/spf13/cobra"

func newCardCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "card",
		Short: "Set up and look after YubiKeys and other PIV smartcards",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCardListCommand(a), newCardInfoCommand(a), newCardForgetCommand(a))
	return cmd
}
