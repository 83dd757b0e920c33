package main

import (
	"context"

	"github.com/keybroker/keybroker/cardadmin"
	"github.com/spf13/cobra"
)

func newCardSetupCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "setup",
		Short: "Make a new YubiKey, or one that is in use, safe to work with",
		Long: `Make a YubiKey safe to work with: a new one, or one that is in use. It says what it
finds and asks before each change:

  PIN, PUK        the factory's are replaced by yours
  management key  the factory's is replaced by a random one, which stays on the
                  card under the PIN, as ykman, yubikey-agent and others do it
  identity        a card without one gets a CHUID with a GUID, and a CCC
  slot 9a         when it is empty, a key to log in with is offered; one that
                  has no certificate is offered one

No key is ever replaced. If it was interrupted, run it again: it goes
on from where it was.

Asked for: yes or no at each step, new PIN and PUK (twice on a terminal), and the
PIN where it is not the factory's.`,
		Example: "  keybroker card setup\n  keybroker card setup --card 12345678",
		Args:    cobra.NoArgs,
		RunE:    a.onCard(func(ctx context.Context, w *cardadmin.Work, _ []string) error { return w.Setup(ctx) }),
	}
}
