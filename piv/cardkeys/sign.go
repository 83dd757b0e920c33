package cardkeys

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/problem"
)

// maxReturns bounds how often one signature waits again because the card was
// removed, or the smartcard service ended, during it.
const maxReturns = 3

// request is one request for a signature.
type request struct {
	use       *keys.Use
	why       string
	data      []byte
	algorithm string
	asking    bool   // the person must still allow it
	consent   string // how the person allowed it
}

// work is a request with the card and slot that will sign.
type work struct {
	*request
	handle *piv.Handle
	slot   piv.SlotInfo
	public ssh.PublicKey
	pin    *pinState
}

func (w *work) card() string { return w.handle.Token().Name() }

// sign waits for the card and lets it sign. If the card goes away meanwhile, sign
// waits for it again, and asks again for the PIN and the person's consent.
func (s *Source) sign(ctx context.Context, r *request) (*ssh.Signature, error) {
	for returns := 0; ; returns++ {
		w, err := s.find(ctx, r)
		if err != nil {
			return nil, err
		}
		signature, err := s.signOn(ctx, w)
		if misfits(err) {
			err = cmp.Or(s.Recheck(ctx, r.use), err)
		}
		if err == nil || !away(err) || returns == maxReturns || ctx.Err() != nil {
			return signature, plain(err, w)
		}
		r.consent = ""
		if !errors.Is(err, piv.ErrReset) {
			s.await(ctx, w.handle)
		}
	}
}

// find waits for a card with the key and looks the slot up.
func (s *Source) find(ctx context.Context, r *request) (*work, error) {
	blob := r.use.Key.Blob
	at, err := s.present(ctx, r, blob)
	if err != nil {
		return nil, err
	}
	slot, ok := at.handle.Token().Slot(at.slot)
	if !ok {
		return nil, keys.ErrNotFound
	}
	public, err := ssh.NewPublicKey(slot.PublicKey)
	if err != nil || !bytes.Equal(public.Marshal(), blob) {
		return nil, problem.With(fmt.Errorf("%s now holds another key in slot %s", at.card, at.slot), "list the keys again: ssh-add -L")
	}
	return &work{request: r, handle: at.handle, slot: slot, public: public, pin: s.pinOf(at.handle)}, nil
}

func (s *Source) signOn(ctx context.Context, w *work) (*ssh.Signature, error) {
	switch w.slot.PIN {
	case piv.PINNever:
		return s.withoutPIN(ctx, w)
	case piv.PINAlways, piv.PINMatchAlways:
		return s.askForPIN(ctx, w, "", func() {})
	default:
		return s.withPIN(ctx, w)
	}
}

func (s *Source) withoutPIN(ctx context.Context, w *work) (*ssh.Signature, error) {
	if w.asking && w.slot.Touch != piv.TouchAlways {
		return nil, keys.ErrNotAsked
	}
	var signature *ssh.Signature
	err := w.handle.Do(ctx, func(a *piv.Applet) (err error) {
		signature, err = s.touching(ctx, a, w)
		return err
	})
	return signature, err
}

// withPIN uses the kept PIN, or asks for it.
func (s *Source) withPIN(ctx context.Context, w *work) (*ssh.Signature, error) {
	why := ""
	for {
		if pin := w.pin.get(); pin != nil {
			if w.asking && w.slot.Touch != piv.TouchAlways {
				clear(pin)
				return nil, keys.ErrNotAsked
			}
			signature, err := s.verifyAndSign(ctx, w, pin, false)
			clear(pin)
			if blocked(err) {
				w.pin.drop() // whoever unblocks the card gives it a new PIN
			}
			if !pinTrouble(err) {
				return signature, err
			}
			// The PIN was changed, or only the last try is left.
			w.pin.drop()
			why = wrongBefore(err)
		}
		turn, err := w.pin.asking.turn(ctx)
		if err != nil {
			return nil, err
		}
		if turn == nil { // another request's prompt has ended
			continue
		}
		signature, err := s.askForPIN(ctx, w, why, turn.given)
		turn.over(ctx, err)
		return signature, err
	}
}

// verifyAndSign does both in one transaction, so that no other program can come
// between. lastTry means that the person has allowed the last try.
func (s *Source) verifyAndSign(ctx context.Context, w *work, pin []byte, lastTry bool) (*ssh.Signature, error) {
	var signature *ssh.Signature
	err := w.handle.Do(ctx, func(a *piv.Applet) (err error) {
		gavePIN := !a.PINGiven()
		if gavePIN {
			if err = s.give(ctx, a, w, pin, lastTry); err != nil {
				return err
			}
		}
		signature, err = s.touching(ctx, a, w)
		// Another program selected another applet, which made the card forget
		// the PIN. Give it again, once.
		if !gavePIN && errors.Is(err, piv.StatusSecurityNotSatisfied) {
			if err = s.give(ctx, a, w, pin, lastTry); err == nil {
				signature, err = s.touching(ctx, a, w)
			}
		}
		return err
	})
	return signature, err
}

// away reports whether an error means that the card or the connection to it is gone.
func away(err error) bool {
	return errors.Is(err, piv.ErrRemoved) || errors.Is(err, piv.ErrReset) ||
		errors.Is(err, piv.ErrNoService) || errors.Is(err, piv.ErrOtherCard)
}

// plain explains a card's refusal to the person.
func plain(err error, w *work) error {
	var refused piv.Status
	switch {
	case err == nil || problem.Remedy(err) != "":
		return err
	case blocked(err):
		return problem.With(fmt.Errorf("the PIN of %s is blocked", w.card()), "%s", piv.Remedy(err))
	case errors.Is(err, piv.ErrBusy):
		return problem.With(fmt.Errorf("another program uses %s exclusively", w.card()), "%s", piv.Remedy(err))
	case errors.Is(err, piv.ErrNoAnswer):
		return problem.With(fmt.Errorf("%s does not answer", w.card()), "%s", piv.Remedy(err))
	case errors.As(err, &refused):
		return problem.With(fmt.Errorf("%s, slot %s: %w", w.card(), w.slot.Slot, refused), "%s", piv.Remedy(refused))
	}
	return err
}
