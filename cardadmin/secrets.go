package cardadmin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/admin"
	"github.com/keybroker/keybroker/problem"
)

// lastTry are the words that the person types before the last try of a PIN or PUK.
const lastTry = "use the last try"

// needPIN asks for the PIN once per command and has the card check it, which uses one try.
func (w *Work) needPIN(ctx context.Context) error {
	if w.pin != nil {
		return nil
	}
	pin, err := w.askCurrentPIN(ctx)
	if err != nil {
		return err
	}
	if err := w.do(ctx, func(a *piv.Applet) error { return a.Verify(ctx, pin) }); err != nil {
		clear(pin)
		return err
	}
	w.pin = pin
	return nil
}

// askCurrentPIN asks for the PIN without sending it.
func (w *Work) askCurrentPIN(ctx context.Context) ([]byte, error) {
	tries, err := w.pinTries(ctx)
	if err != nil {
		return nil, err
	}
	return w.askCurrent(ctx, "PIN", w.token().Reference, tries)
}

// pinTries asks the card how many tries are left; -1 means that it does not say.
func (w *Work) pinTries(ctx context.Context) (tries int, err error) {
	err = w.do(ctx, func(a *piv.Applet) error {
		if metadata, err := a.PINMetadata(ctx); err == nil && metadata.Tries >= 0 {
			tries = metadata.Tries
			return nil
		}
		tries, _, err = a.PINStatus(ctx)
		return err
	})
	return tries, err
}

// askCurrentPUK asks for the PUK without sending it. Only a YubiKey reports the tries.
func (w *Work) askCurrentPUK(ctx context.Context) ([]byte, error) {
	tries := -1
	err := w.do(ctx, func(a *piv.Applet) error {
		metadata, err := a.PUKMetadata(ctx)
		if err == nil {
			tries = metadata.Tries
		}
		return notThere(err)
	})
	if err != nil {
		return nil, err
	}
	return w.askCurrent(ctx, "PUK", piv.PUK, tries)
}

// askCurrent asks for a PIN or PUK, and shows the tries that are left.
func (w *Work) askCurrent(ctx context.Context, what string, reference piv.PINReference, tries int) ([]byte, error) {
	left := ""
	switch {
	case tries == 0:
		return nil, &piv.PINError{Reference: reference, Tries: 0}
	case tries == 1:
		warning := fmt.Sprintf("The %s of %s has one try left. A wrong %[1]s blocks it.", what, w.token().Name())
		if err := w.confirmInWords(ctx, warning, lastTry); err != nil {
			return nil, err
		}
		left = " (the last try)"
	case tries > 1:
		left = fmt.Sprintf(" (%d tries left)", tries)
	}
	return w.askSecret(ctx, fmt.Sprintf("%s of %s%s: ", what, w.token().Name(), left))
}

// newPINRule checks a new PIN for this card.
func (w *Work) newPINRule(pin []byte) error {
	return admin.CheckNewPIN(pin, w.token().Kind != piv.KindYubiKey)
}

// notThere drops the error that the card does not have the object or command.
func notThere(err error) error {
	if errors.Is(err, piv.ErrNotOffered) || errors.Is(err, piv.StatusNotFound) || errors.Is(err, piv.StatusReferenceNotFound) {
		return nil
	}
	return err
}

// needManagement finds the management key: the factory's, the one on the card under the
// PIN, or one that the person types. It never shows the key.
func (w *Work) needManagement(ctx context.Context) error {
	if w.management != nil {
		return nil
	}
	key := piv.DefaultManagementKey()
	err := w.tryManagement(ctx, key)
	if errors.Is(err, piv.ErrManagementKey) {
		key, err = w.protectedManagement(ctx)
	}
	if errors.Is(err, piv.ErrManagementKey) {
		key, err = w.typedManagement(ctx)
	}
	if err == nil {
		w.management = key
	}
	return err
}

// proveManagement authenticates with the management key, and tells the person if the
// card waits for a touch.
func (w *Work) proveManagement(ctx context.Context, a *piv.Applet, key []byte) error {
	metadata, err := a.ManagementMetadata(ctx)
	if err = notThere(err); err != nil {
		return err
	}
	w.touchManagement = metadata.Touch == piv.TouchAlways || metadata.Touch == piv.TouchCached
	w.sayTouch()
	err = a.AuthenticateManagement(ctx, key)
	if w.touchManagement && errors.Is(err, piv.ErrManagementKey) {
		err = fmt.Errorf("%w: was the card not touched?", err)
	}
	return err
}

func (w *Work) sayTouch() {
	if w.touchManagement {
		fmt.Fprintln(w.say, "Touch the card now: its management key needs a touch.")
	}
}

// tryManagement may fail safely: a YubiKey does not count wrong management keys.
func (w *Work) tryManagement(ctx context.Context, key []byte) error {
	return w.do(ctx, func(a *piv.Applet) error { return w.proveManagement(ctx, a, key) })
}

// protectedManagement reads the key on the card. The error is ErrManagementKey if there
// is none or if the card rejects it.
func (w *Work) protectedManagement(ctx context.Context) (key []byte, err error) {
	if err := w.needPIN(ctx); err != nil {
		return nil, err
	}
	err = w.do(ctx, func(a *piv.Applet) error {
		if err := a.Verify(ctx, w.pin); err != nil {
			return err
		}
		key, err = a.ProtectedManagementKey(ctx)
		if errors.Is(err, piv.StatusNotFound) || errors.Is(err, piv.ErrOccupied) {
			return fmt.Errorf("%w: %w", piv.ErrManagementKey, err)
		}
		if err != nil {
			return err
		}
		return w.proveManagement(ctx, a, key)
	})
	return key, err
}

// typedManagement asks for the key in hexadecimal. An empty answer is ErrManagementKey.
func (w *Work) typedManagement(ctx context.Context) ([]byte, error) {
	untouched := ""
	if w.touchManagement {
		untouched = ", or the card was not touched in time"
	}
	typed, err := w.askSecret(ctx, "The management key is neither the factory's nor on the card under the PIN"+untouched+".\n"+
		"Management key in hexadecimal (Enter: you have none): ")
	if err != nil {
		return nil, err
	}
	defer clear(typed)
	key := make([]byte, hex.DecodedLen(len(typed)))
	if _, err := hex.Decode(key, typed); err != nil || len(key) == 0 {
		return nil, problem.With(piv.ErrManagementKey, "without it keys and certificates cannot be changed; only a reset sets a new one: keybroker card reset")
	}
	return key, w.tryManagement(ctx, key)
}

// ParseSlot reads a slot such as "9a" or "82".
func ParseSlot(text string) (piv.Slot, error) {
	var slot piv.Slot
	if b, err := hex.DecodeString(strings.ToLower(text)); err == nil && len(b) == 1 {
		slot = piv.Slot(b[0])
	}
	if !slot.Valid() {
		return 0, UsageError{problem.With(fmt.Errorf("%q is not a slot", text), "give 9a, 9c, 9d, 9e, or 82 to 95")}
	}
	return slot, nil
}
