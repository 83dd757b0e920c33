package main

import (
	"context"

	"github.com/keybroker/keybroker/cardadmin"
	"github.com/spf13/cobra"
)

func newCardResetCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reset",
		Short: "Reset the PIV part of a YubiKey, which destroys its keys",
		Long: `Reset the PIV part of a YubiKey to its factory state. Every PIV key and certificate
is destroyed; PIN, PUK and management key are the factory's again. FIDO, OpenPGP
and OTP on the same YubiKey are not affected. The card requires a blocked PIN and
PUK first, so the command enters wrong ones until they are.

Asked for: the words "` + cardadmin.ResetWords + `".`,
		Example: "  keybroker card reset --card 12345678",
		Args:    cobra.NoArgs,
		RunE:    a.onCard(func(ctx context.Context, w *cardadmin.Work, _ []string) error { return w.Reset(ctx) }),
	}
}
