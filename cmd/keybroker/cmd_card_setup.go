package main

import (
	"context"

	"github.com/keybroker/keybroker/cardadmin"
	"github.com/spf13/cobra"
)

func newCardSetupCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "setup",
		Short: "Make a YubiKey, new or in use, safe to work with",
		Long: `Make a YubiKey safe to work with, whether it is new or in use. The command shows
what it finds and asks before each change:

  PIN, PUK        yours replace the factory's
  management key  a random one replaces the factory's. It stays on the card under
                  the PIN, as with ykman, yubikey-agent and others
  identity        a card without one gets a CHUID with a GUID, and a CCC
  slot 9a         an empty slot gets a login key; a key without a certificate
                  gets one

No key is ever replaced. If the command was interrupted, run it again: it
continues where it stopped.

Asked for: yes or no at each step, new PIN and PUK (twice on a terminal), and the
PIN if it is not the factory's.`,
		Example: "  keybroker card setup\n  keybroker card setup --card 12345678",
		Args:    cobra.NoArgs,
		RunE:    a.onCard(func(ctx context.Context, w *cardadmin.Work, _ []string) error { return w.Setup(ctx) }),
	}
}
