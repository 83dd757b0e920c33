package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/admin"
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
			RunE:    a.onCard(func(ctx context.Context, w *cardWork, _ []string) error { return w.changePIN(ctx) }),
		},
		&cobra.Command{
			Use:   "unblock",
			Short: "Set a new PIN with the PUK",
			Long: `Set a new PIN with the PUK, after the PIN was blocked or forgotten.

Asked for: the PUK, the new PIN (twice on a terminal).`,
			Example: "  keybroker card pin unblock",
			Args:    cobra.NoArgs,
			RunE:    a.onCard(func(ctx context.Context, w *cardWork, _ []string) error { return w.unblockPIN(ctx) }),
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
		RunE:    a.onCard(func(ctx context.Context, w *cardWork, _ []string) error { return w.changePUK(ctx) }),
	})
	return cmd
}

func (w *cardWork) changePIN(ctx context.Context) error {
	old, err := w.askCurrentPIN(ctx)
	if err != nil {
		return err
	}
	return w.replace(ctx, "PIN", old, w.newPINRule, (*piv.Applet).ChangePIN)
}

func (w *cardWork) changePUK(ctx context.Context) error {
	old, err := w.askCurrentPUK(ctx)
	if err != nil {
		return err
	}
	return w.replace(ctx, "PUK", old, admin.CheckNewPUK, (*piv.Applet).ChangePUK)
}

func (w *cardWork) unblockPIN(ctx context.Context) error {
	puk, err := w.askCurrentPUK(ctx)
	if err != nil {
		return err
	}
	err = w.replace(ctx, "PIN", puk, w.newPINRule, (*piv.Applet).ResetPIN)
	if err != nil && notThere(err) == nil {
		return fmt.Errorf("this card's PIN cannot be set with a PUK (%w)\nask the card's issuer", err)
	}
	return err
}

// replace asks for a new PIN or PUK and sets it: one command, one try of old.
func (w *cardWork) replace(ctx context.Context, what string, old []byte, rule func([]byte) error,
	set func(a *piv.Applet, ctx context.Context, old, fresh []byte) error) error {
	defer clear(old)
	fresh, err := w.askNewSecret(ctx, what, rule)
	defer clear(fresh)
	if err != nil {
		return err
	}
	w.changed = true
	if err := w.do(ctx, func(a *piv.Applet) error { return set(a, ctx, old, fresh) }); err != nil {
		return notTaken(what, err)
	}
	if what == "PIN" {
		clear(w.pin)
		w.pin = bytes.Clone(fresh)
	}
	fmt.Fprintf(w.say, "The %s of %s is changed.\n", what, w.token().Name())
	return nil
}

// notTaken explains a card with rules of its own (YubiKey 5.7: "PIN complexity").
func notTaken(what string, err error) error {
	for _, refused := range []piv.Status{piv.StatusConditionsOfUse, piv.StatusIncorrectData} {
		if errors.Is(err, refused) {
			return fmt.Errorf("the card does not take the new %s: %w\nit may have rules of its own: take one that is longer and less regular", what, err)
		}
	}
	return err
}
