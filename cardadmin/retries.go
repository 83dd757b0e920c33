package cardadmin

import (
	"context"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/admin"
	"github.com/keybroker/keybroker/problem"
)

// SetRetries sets how many wrong PINs and PUKs in a row block a YubiKey.
func (w *Work) SetRetries(ctx context.Context, pinTries, pukTries int) error {
	if err := w.needYubiKey("set the number of tries"); err != nil {
		return err
	}
	yes, err := w.agreed(ctx, fmt.Sprintf("%s will reset PIN and PUK to the factory's. keybroker then sets your PIN again, and a PUK that you choose now. Go on?", w.token().Name()))
	if err != nil {
		return err
	}
	if !yes {
		return RefusedError{errors.New("nothing was changed")}
	}
	if err := w.needPIN(ctx); err != nil {
		return err
	}
	// A PIN that is not allowed as a new one (the factory's) could not be set again.
	if err := w.newPINRule(w.pin); err != nil {
		return problem.With(fmt.Errorf("the PIN cannot be set again: %w", err), "change it first: keybroker card pin change")
	}
	puk, err := w.askNewSecret(ctx, "PUK", admin.CheckNewPUK)
	defer clear(puk)
	if err != nil {
		return err
	}
	if err := w.needManagement(ctx); err != nil {
		return err
	}
	err = w.yubico(ctx, true, func(ctx context.Context, a *piv.Applet) error {
		if err := a.Verify(ctx, w.pin); err != nil {
			return err
		}
		return a.SetRetries(ctx, pinTries, pukTries)
	})
	if err != nil {
		return err
	}
	err = w.do(ctx, func(a *piv.Applet) error {
		return errors.Join(a.ChangePIN(ctx, []byte(admin.DefaultPIN), w.pin), a.ChangePUK(ctx, []byte(admin.DefaultPUK), puk))
	})
	if err != nil {
		return problem.With(fmt.Errorf("the numbers of tries were set, but PIN or PUK may be the factory's now: %w", err), "change them: keybroker card setup")
	}
	fmt.Fprintf(w.say, "%s allows %d wrong PINs and %d wrong PUKs. The PIN is unchanged, the PUK is the new one.\n", w.token().Name(), pinTries, pukTries)
	return nil
}
