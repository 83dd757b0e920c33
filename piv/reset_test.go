package piv

import (
	"context"
	"errors"
	"testing"

	"github.com/keybroker/keybroker/piv/pivtest"
)

// Before a use of the card has begun, a reset by another program costs nothing
// but a new connection; once it has, its caller must know.
func TestResetBeforeAndInUse(t *testing.T) {
	f := newFake("a")
	r, _ := watchFake(t, f)
	f.insert("a", virtual{newCard(t, pivtest.YubiKey5()), t})
	eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
	h := r.Cards()[0]
	for resets, want := range map[int]error{0: nil, maxResets - 1: nil, maxResets: ErrReset} {
		eventually(t, "the card is let go", func() bool { return released(h) })
		f.reset(resets)
		runs := 0
		err := h.Do(t.Context(), func(*Applet) error { runs++; return nil })
		if !errors.Is(err, want) || (runs == 1) != (want == nil) {
			t.Errorf("after %d resets: %v, run %d times", resets, err, runs)
		}
	}
	runs := 0
	err := h.Do(t.Context(), func(a *Applet) error {
		runs++
		if _, _, err := a.PINStatus(t.Context()); err != nil {
			return err
		}
		f.reset(1)
		_, _, err := a.PINStatus(t.Context())
		return err
	})
	if !errors.Is(err, ErrReset) || runs != 1 {
		t.Errorf("a reset in the middle: %v, run %d times", err, runs)
	}
	if r.Cards()[0] != h {
		t.Error("the card was taken for another one")
	}
}

// forgetful is a card that refuses some commands once, as one does that was
// reset since its application was selected.
type forgetful struct {
	virtual
	refuse *byte // the instruction; 0: none
}

func (f forgetful) Transmit(ctx context.Context, apdu []byte) ([]byte, error) {
	if apdu[1] == *f.refuse {
		*f.refuse = 0
		return []byte{0x6A, 0x82}, nil
	}
	return f.virtual.Transmit(ctx, apdu)
}

// A reset is told before it is carried out. Who connects in between is refused.
func TestRefusalsJustAfterAReset(t *testing.T) {
	f, refuse := newFake("a"), new(byte)
	r, _ := watchFake(t, f)
	card := newCard(t, pivtest.YubiKey5())
	if err := card.Identify(); err != nil {
		t.Fatal(err)
	}
	f.insert("a", forgetful{virtual{card, t}, refuse})
	eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
	h := r.Cards()[0]
	use := func(resets int, ins byte, pin string) error {
		f.reset(resets)
		if resets > 0 {
			eventually(t, "the card is let go", func() bool { return released(h) })
		}
		return h.Do(t.Context(), func(a *Applet) error {
			*refuse = ins
			return a.Verify(t.Context(), []byte(pin))
		})
	}
	if err := use(0, insVerify, pivtest.DefaultPIN); errors.Is(err, ErrReset) || !errors.Is(err, StatusNotFound) {
		t.Error("a refusal without a reset:", err)
	}
	if err := use(1, insVerify, pivtest.DefaultPIN); !errors.Is(err, ErrReset) {
		t.Error("a refusal after a reset:", err)
	}
	if err := use(0, insVerify, pivtest.DefaultPIN); errors.Is(err, ErrReset) || !errors.Is(err, StatusNotFound) {
		t.Error("the next one:", err)
	}
	var wrong *PINError
	if err := use(1, 0, "654321"); !errors.As(err, &wrong) || wrong.Tries != 2 || errors.Is(err, ErrReset) {
		t.Error("a wrong PIN after a reset:", err)
	}
	eventually(t, "the card is let go", func() bool { return released(h) })
	*refuse = insGetData // the number of the card
	if err := h.Do(t.Context(), func(*Applet) error { return nil }); err != nil || r.Cards()[0] != h {
		t.Error("the card was taken for another one:", err)
	}
}
