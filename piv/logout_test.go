package piv

import (
	"context"
	"errors"
	"testing"

	"github.com/keybroker/keybroker/piv/pivtest"
)

// plugged is a card in a reader of the fake service.
func plugged(t *testing.T, character pivtest.Character) (*pivtest.Card, *Handle) {
	t.Helper()
	f := newFake("a")
	r, _ := watchFake(t, f)
	card := newCard(t, character)
	f.insert("a", virtual{card, t})
	eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
	return card, r.Cards()[0]
}

func released(h *Handle) bool {
	let := false
	_, _ = h.worker.call(context.Background(), 0, func() { let = h.card == nil })
	return let
}

func TestReleaseTakesThePINBack(t *testing.T) {
	card, h := plugged(t, pivtest.YubiKey5())
	if err := verify(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if !card.PINVerified() {
		t.Fatal("the PIN was not given")
	}
	eventually(t, "the card is let go", func() bool { return released(h) })
	if card.PINVerified() {
		t.Error("the card was left open for every program")
	}
}

// A card by the book keeps the PIN over our SELECT (SP 800-73-4 part 2 section 3.1.1).
func TestReleaseLeavesAnotherProgramsPIN(t *testing.T) {
	card, h := plugged(t, pivtest.GovernmentPIV())
	other, err := Select(t.Context(), virtual{card, t})
	if err == nil {
		err = other.Verify(t.Context(), []byte(pivtest.DefaultPIN))
	}
	if err != nil {
		t.Fatal(err)
	}
	err = h.Do(t.Context(), func(a *Applet) error {
		if _, verified, err := a.PINStatus(t.Context()); err != nil || !verified {
			return errors.Join(err, errors.New("another program's PIN does not show"))
		}
		return a.Verify(t.Context(), []byte(pivtest.DefaultPIN))
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the card is let go", func() bool { return released(h) })
	if !card.PINVerified() {
		t.Error("another program was logged out")
	}
}

// A connection that breaks cannot be logged out: the card is reset.
func TestBrokenConnectionResetsTheCard(t *testing.T) {
	f := newFake("a")
	r, _ := watchFake(t, f)
	card := newCard(t, pivtest.YubiKey5())
	f.insert("a", resettable{virtual{card, t}})
	eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
	h := r.Cards()[0]
	if err := verify(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	h.broken.Store(true)
	_ = h.Do(t.Context(), func(*Applet) error { return nil })
	eventually(t, "the PIN is taken back", func() bool { return !card.PINVerified() })
}

type resettable struct{ virtual }

func (r resettable) reset() { r.PowerOn() }

// wasReset is a connection to a card that another program has reset.
type wasReset struct {
	pcscCard
	again *bool // whether it was reset once more
}

func (wasReset) begin() error { return ErrReset }
func (c wasReset) disconnect(reset bool) {
	*c.again = *c.again || reset
	c.pcscCard.disconnect(reset)
}

func (c wasReset) transmit([]byte) ([]byte, error) { return nil, ErrReset }

// A second reset would only hit the program that uses the card by now.
func TestACardThatWasResetIsNotResetAgain(t *testing.T) {
	_, h := plugged(t, pivtest.YubiKey5())
	if err := verify(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	again := false
	_, _ = h.worker.call(t.Context(), 0, func() { h.card = wasReset{h.card, &again} })
	if err := verify(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if again {
		t.Error("it was reset again")
	}
}
