package main

import (
	"context"

	"github.com/keybroker/keybroker/cardadmin"
	"github.com/spf13/cobra"
)

func newCardPINCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pin",
		Short: "Change or unblock the PIN of any PIV card",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "change",
			Short: "Change the PIN",
			Long: `Change the PIN. It has six to eight characters: ASCII on a YubiKey, digits on other
cards. The command first shows how many tries are left. It uses the last one only
after you type that you want it.

Asked for: the PIN, the new PIN (twice on a terminal).`,
			Example: "  keybroker card pin change --card 12345678",
			Args:    cobra.NoArgs,
			RunE:    a.onCard(func(ctx context.Context, w *cardadmin.Work, _ []string) error { return w.ChangePIN(ctx) }),
		},
		&cobra.Command{
			Use:   "unblock",
			Short: "Set a new PIN with the PUK",
			Long: `Set a new PIN with the PUK if the PIN was blocked or forgotten.

Asked for: the PUK, the new PIN (twice on a terminal).`,
			Example: "  keybroker card pin unblock",
			Args:    cobra.NoArgs,
			RunE:    a.onCard(func(ctx context.Context, w *cardadmin.Work, _ []string) error { return w.UnblockPIN(ctx) }),
		},
	)
	return cmd
}

func newCardPUKCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "puk",
		Short: "Change the PUK of any PIV card",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "change",
		Short: "Change the PUK, which unblocks the PIN",
		Long: `Change the PUK (PIN unblocking key). It has six to eight characters.

Asked for: the PUK, the new PUK (twice on a terminal).`,
		Example: "  keybroker card puk change",
		Args:    cobra.NoArgs,
		RunE:    a.onCard(func(ctx context.Context, w *cardadmin.Work, _ []string) error { return w.ChangePUK(ctx) }),
	})
	return cmd
}
