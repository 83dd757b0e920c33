package piv

import (
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
