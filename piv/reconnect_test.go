package piv

import (
	"errors"
	"testing"

	"github.com/keybroker/keybroker/piv/pivtest"
)

// resetByAnother is what another program's reset leaves of a card and of our
// connection to it.
func resetByAnother(t *testing.T, card *pivtest.Card, h *Handle) {
	t.Helper()
	card.PowerOn()
	_, _ = h.session.worker.call(t.Context(), 0, func() { h.session.card = wasReset{h.session.card, new(bool)} })
}

// The operation that finds it out goes on with a new connection, on which nobody
// has given the PIN.
func TestAResetForgetsThePIN(t *testing.T) {
	card, h := plugged(t, pivtest.YubiKey5())
	if err := verify(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	resetByAnother(t, card, h)
	err := h.Do(t.Context(), func(a *Applet) error {
		if _, verified, err := a.PINStatus(t.Context()); err != nil || verified {
			t.Errorf("after the reset: verified %v, error %v", verified, err)
		}
		if a.PINGiven() {
			t.Error("the PIN counts as given")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if h.session.login.ours() {
		t.Error("the card counts as open")
	}
}

// The PIN never goes to another card, whatever command finds out that there is one.
func TestAnotherCardAfterAReset(t *testing.T) {
	card, h := plugged(t, pivtest.YubiKey5())
	if err := verify(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	resetByAnother(t, card, h)
	other := *h.Token()
	other.Serial, other.ID = other.Serial+1, "serial:1" // as if it had been another card
	h.token.Store(&other)
	before := card.Counts().Verifies
	wantError(t, verify(t.Context(), h), ErrOtherCard)
	if card.Counts().Verifies != before {
		t.Error("the PIN was sent")
	}
}

// The PIN that another program gave after its reset is not ours to take back.
func TestReleaseAfterAnothersReset(t *testing.T) {
	card, h := plugged(t, pivtest.GovernmentPIV())
	if err := verify(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	resetByAnother(t, card, h)
	other, err := Select(t.Context(), virtual{card, t})
	if err == nil {
		err = other.Verify(t.Context(), []byte(pivtest.DefaultPIN))
	}
	if err != nil {
		t.Fatal(err)
	}
	h.Release()
	if !released(h) {
		t.Fatal("the card is still held")
	}
	if !card.PINVerified() {
		t.Error("the other program was logged out")
	}
}

// A command outside of a transaction reaches no card.
func TestNoCommandOutsideATransaction(t *testing.T) {
	_, h := plugged(t, pivtest.YubiKey5())
	eventually(t, "the card is let go", func() bool { return released(h) })
	if _, err := h.session.Transmit(t.Context(), []byte{0, insSelect, 4, 0}); !errors.Is(err, errNoTransaction) {
		t.Error(err)
	}
}
