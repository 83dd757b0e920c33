package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/piv/admin"
	"github.com/spf13/cobra"
)

// resetWords are what a person types to lose every key on the card.
const resetWords = "destroy all keys"

func newCardResetCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reset",
		Short: "Make the PIV part of a YubiKey as new: destroys its keys",
		Long: `Make the PIV part of a YubiKey as it left the factory: every PIV key and
certificate is destroyed, PIN, PUK and management key are the factory's again.
FIDO, OpenPGP and OTP on the same YubiKey are not touched. The card demands that
PIN and PUK are blocked first, which is done by wrong ones.

Asked for: the words "` + resetWords + `".`,
		Example: "  keybroker card reset --card 12345678",
		Args:    cobra.NoArgs,
		RunE:    a.onCard(func(ctx context.Context, w *cardWork, _ []string) error { return w.reset(ctx) }),
	}
}

func (w *cardWork) reset(ctx context.Context) error {
	if err := w.needYubiKey("reset"); err != nil {
		return err
	}
	var warning strings.Builder
	fmt.Fprintf(&warning, "%s will lose, for good:\n", w.token().Name())
	for _, info := range w.token().Slots {
		fmt.Fprintf(&warning, "  slot %s: %s\n", info.Slot, describeSlot(info))
	}
	warning.WriteString("  its PIN, PUK, management key, and everything else in its PIV part")
	if err := w.inWords(ctx, warning.String(), resetWords); err != nil {
		return err
	}
	if _, err := w.yubico(ctx, admin.Request{Op: admin.OpReset}); err != nil {
		return err
	}
	fmt.Fprintf(w.say, "%s is as new. Set it up: keybroker card setup\n", w.token().Name())
	return nil
}
