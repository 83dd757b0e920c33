package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/admin"
	"github.com/spf13/cobra"
)

// maxTries is what a YubiKey counts to. Few are right: each one more is one
// more guess.
const maxTries = 255

func newCardRetriesCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "retries PIN-TRIES PUK-TRIES",
		Short: "Set how many wrong PINs and PUKs block a YubiKey",
		Long: `Set how many wrong PINs and PUKs in a row block a YubiKey: 1 to 255 each.

The card sets PIN and PUK back to the factory's when it does that. So the PIN is
set again to what it was, and a PUK is asked for, right after. If that is
interrupted: keybroker card setup.

Asked for: yes or no, the PIN, the PUK to be set (twice on a terminal).`,
		Example: "  keybroker card retries 5 3",
		Args:    twoTries,
		RunE: a.onCard(func(ctx context.Context, w *cardWork, args []string) error {
			pin, puk, err := readTries(args)
			if err != nil {
				return err
			}
			return w.setRetries(ctx, pin, puk)
		}),
	}
}

func twoTries(_ *cobra.Command, args []string) error {
	_, _, err := readTries(args)
	return err
}

func readTries(args []string) (pin, puk int, err error) {
	if len(args) == 2 {
		pin, _ = strconv.Atoi(args[0])
		puk, _ = strconv.Atoi(args[1])
	}
	if min(pin, puk) < 1 || max(pin, puk) > maxTries {
		return 0, 0, usageError{fmt.Errorf("give two numbers from 1 to %d: of wrong PINs, and of wrong PUKs", maxTries)}
	}
	return pin, puk, nil
}

func (w *cardWork) setRetries(ctx context.Context, pinTries, pukTries int) error {
	if err := w.needYubiKey("set the number of tries"); err != nil {
		return err
	}
	yes, err := w.agreed(ctx, fmt.Sprintf("%s will set PIN and PUK back to the factory's; then the PIN is set again, and a PUK that you give now. Go on?", w.token().Name()))
	if err != nil {
		return err
	}
	if !yes {
		return refusedError{errors.New("nothing was changed")}
	}
	if err := w.needPIN(ctx); err != nil {
		return err
	}
	// A PIN that is no good as a new one (the factory's) would stay as it is.
	if err := w.newPINRule(w.pin); err != nil {
		return fmt.Errorf("the PIN cannot be set again: %w\nchange it first: keybroker card pin change", err)
	}
	puk, err := w.askNewSecret(ctx, "PUK", admin.CheckNewPUK)
	defer clear(puk)
	if err != nil {
		return err
	}
	if err := w.needManagement(ctx); err != nil {
		return err
	}
	if _, err := w.yubico(ctx, admin.Request{Op: admin.OpSetRetries, PINTries: pinTries, PUKTries: pukTries,
		Secrets: admin.Secrets{ManagementKey: w.management, PIN: w.pin}}); err != nil {
		return err
	}
	err = w.do(ctx, func(a *piv.Applet) error {
		return errors.Join(a.ChangePIN(ctx, []byte(admin.DefaultPIN), w.pin), a.ChangePUK(ctx, []byte(admin.DefaultPUK), puk))
	})
	if err != nil {
		return fmt.Errorf("the numbers of tries are set, but PIN or PUK may be the factory's now: %w\nchange them: keybroker card setup", err)
	}
	fmt.Fprintf(w.say, "%s takes %d wrong PINs and %d wrong PUKs. The PIN is what it was, the PUK is the new one.\n", w.token().Name(), pinTries, pukTries)
	return nil
}
