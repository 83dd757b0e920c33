package cardadmin

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/admin"
	"github.com/keybroker/keybroker/problem"
)

// ChangePIN asks for the PIN and a new one.
func (w *Work) ChangePIN(ctx context.Context) error {
	old, err := w.askCurrentPIN(ctx)
	if err != nil {
		return err
	}
	return w.replace(ctx, "PIN", old, w.newPINRule, (*piv.Applet).ChangePIN)
}

// ChangePUK asks for the PUK and a new one.
func (w *Work) ChangePUK(ctx context.Context) error {
	old, err := w.askCurrentPUK(ctx)
	if err != nil {
		return err
	}
	return w.replace(ctx, "PUK", old, admin.CheckNewPUK, (*piv.Applet).ChangePUK)
}

// UnblockPIN asks for the PUK and a new PIN.
func (w *Work) UnblockPIN(ctx context.Context) error {
	puk, err := w.askCurrentPUK(ctx)
	if err != nil {
		return err
	}
	err = w.replace(ctx, "PIN", puk, w.newPINRule, (*piv.Applet).ResetPIN)
	if err != nil && notThere(err) == nil {
		return problem.With(fmt.Errorf("this card's PIN cannot be set with a PUK (%w)", err), "ask the card's issuer")
	}
	return err
}

// replace asks for a new PIN or PUK and sets it: one command, one try of old.
func (w *Work) replace(ctx context.Context, what string, old []byte, rule func([]byte) error,
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
			return problem.With(fmt.Errorf("the card does not take the new %s: %w", what, err), "it may have rules of its own: take one that is longer and less regular")
		}
	}
	return err
}
