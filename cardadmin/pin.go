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

// replace asks for a new PIN or PUK and sets it. It uses one try of old.
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
		return explainRejected(what, err)
	}
	if what == "PIN" {
		clear(w.pin)
		w.pin = bytes.Clone(fresh)
	}
	fmt.Fprintf(w.say, "The %s of %s was changed.\n", what, w.token().Name())
	return nil
}

// explainRejected explains a card that has rules for its PIN (YubiKey 5.7: "PIN complexity").
func explainRejected(what string, err error) error {
	for _, refused := range []piv.Status{piv.StatusConditionsOfUse, piv.StatusIncorrectData} {
		if errors.Is(err, refused) {
			return problem.With(fmt.Errorf("the card rejects the new %s: %w", what, err), "it may have rules for it: choose one that is longer and less regular")
		}
	}
	return err
}
