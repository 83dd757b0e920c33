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
			Long: `Change the PIN: six to eight characters, on a YubiKey any of ASCII, on other cards
digits. The tries that are left are shown first; the last one is used only after
you typed so.

Asked for: the PIN, the new PIN (twice on a terminal).`,
			Example: "  keybroker card pin change --card 12345678",
			Args:    cobra.NoArgs,
			RunE:    a.onCard(func(ctx context.Context, w *cardadmin.Work, _ []string) error { return w.ChangePIN(ctx) }),
		},
		&cobra.Command{
			Use:   "unblock",
			Short: "Set a new PIN with the PUK",
			Long: `Set a new PIN with the PUK, after the PIN was blocked or forgotten.

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
		Long: `Change the PUK (PIN unblocking key): six to eight characters.

Asked for: the PUK, the new PUK (twice on a terminal).`,
		Example: "  keybroker card puk change",
		Args:    cobra.NoArgs,
		RunE:    a.onCard(func(ctx context.Context, w *cardadmin.Work, _ []string) error { return w.ChangePUK(ctx) }),
	})
	return cmd
}
