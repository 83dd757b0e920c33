package main

import (
	"context"

	"github.com/keybroker/keybroker/cardadmin"
	"github.com/spf13/cobra"
)

func newCardResetCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reset",
		Short: "Make the PIV part of a YubiKey as new: destroys its keys",
		Long: `Make the PIV part of a YubiKey as it left the factory: every PIV key and
certificate is destroyed, PIN, PUK and management key are the factory's again.
FIDO, OpenPGP and OTP on the same YubiKey are not touched. The card demands that
PIN and PUK are blocked first, which is done by wrong ones.

Asked for: the words "` + cardadmin.ResetWords + `".`,
		Example: "  keybroker card reset --card 12345678",
		Args:    cobra.NoArgs,
		RunE:    a.onCard(func(ctx context.Context, w *cardadmin.Work, _ []string) error { return w.Reset(ctx) }),
	}
}
