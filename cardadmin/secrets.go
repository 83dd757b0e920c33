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

// lastTry are the words before the last try of a PIN or PUK.
const lastTry = "use the last try"

// needPIN asks for the PIN, once a command, and has the card check it: one try.
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

// askCurrentPIN asks for the PIN and sends nothing.
func (w *Work) askCurrentPIN(ctx context.Context) ([]byte, error) {
	tries, err := w.pinTries(ctx)
	if err != nil {
		return nil, err
	}
	return w.askCurrent(ctx, "PIN", w.token().Reference, tries)
}

// pinTries asks the card how many are left; -1: it does not say.
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

// askCurrentPUK asks for the PUK and sends nothing. Only a YubiKey tells the tries.
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

// askCurrent shows the tries that are left before anything is typed.
func (w *Work) askCurrent(ctx context.Context, what string, reference piv.PINReference, tries int) ([]byte, error) {
	left := ""
	switch {
	case tries == 0:
		return nil, &piv.PINError{Reference: reference, Tries: 0}
	case tries == 1:
		warning := fmt.Sprintf("One try of the %s of %s is left. If it is wrong, the %s is blocked.", what, w.token().Name(), what)
		if err := w.inWords(ctx, warning, lastTry); err != nil {
			return nil, err
		}
		left = " (the last try)"
	case tries > 1:
		left = fmt.Sprintf(" (%d tries left)", tries)
	}
	return w.askSecret(ctx, fmt.Sprintf("%s of %s%s: ", what, w.token().Name(), left))
}

// newPINRule is what a new PIN of this card must be.
func (w *Work) newPINRule(pin []byte) error {
	return admin.CheckNewPIN(pin, w.token().Kind != piv.KindYubiKey)
}

// notThere takes "the card does not have that" as no error.
func notThere(err error) error {
	if errors.Is(err, piv.ErrNotOffered) || errors.Is(err, piv.StatusNotFound) || errors.Is(err, piv.StatusReferenceNotFound) {
		return nil
	}
	return err
}

// needManagement finds the management key: the factory's, the one that the PIN
// protects on the card, or one that is typed. It is never shown.
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

// proveManagement proves the management key to the card, and says so when the card
// waits for a touch then.
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
		fmt.Fprintln(w.say, "Touch the card now: it wants that for its management key.")
	}
}

// tryManagement costs nothing: a YubiKey counts no tries of it.
func (w *Work) tryManagement(ctx context.Context, key []byte) error {
	return w.do(ctx, func(a *piv.Applet) error { return w.proveManagement(ctx, a, key) })
}

// protectedManagement is the key on the card. The error is ErrManagementKey
// when there is none, or none that the card takes.
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
		"Management key in hexadecimal (Enter: there is none): ")
	if err != nil {
		return nil, err
	}
	defer clear(typed)
	key := make([]byte, hex.DecodedLen(len(typed)))
	if _, err := hex.Decode(key, typed); err != nil || len(key) == 0 {
		return nil, problem.With(piv.ErrManagementKey, "without it keys and certificates stay as they are; only a reset makes a new one: keybroker card reset")
	}
	return key, w.tryManagement(ctx, key)
}

// ParseSlot reads "9a", "82" and the like.
func ParseSlot(text string) (piv.Slot, error) {
	var slot piv.Slot
	if b, err := hex.DecodeString(strings.ToLower(text)); err == nil && len(b) == 1 {
		slot = piv.Slot(b[0])
	}
	if !slot.Valid() {
		return 0, UsageError{problem.With(fmt.Errorf("%q is no slot", text), "give 9a, 9c, 9d, 9e, or 82 to 95")}
	}
	return slot, nil
}
