package piv

import (
	"testing"

	"github.com/keybroker/keybroker/piv/pivtest"
)

// A slow card is listed with its first key while the rest is read, and can be used
// and had by others in between.
func TestASlowCardIsListedEarly(t *testing.T) {
	f := newFake("a")
	r, _ := watchFake(t, f)
	card := newCard(t, pivtest.YubiKey5())
	for _, slot := range []byte{0x9A, 0x9C} {
		if _, err := card.Provision(slot, pivtest.AlgP256, pivtest.Policy{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := card.Identify(); err != nil {
		t.Fatal(err)
	}
	card.Slow(turnTime / 10)
	f.insert("a", virtual{card, t})
	eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
	h := r.Cards()[0]
	if token := h.Token(); !token.Reading || len(token.Slots) == 0 || token.Slots[0].Slot != SlotAuthentication {
		t.Errorf("first: %+v", token)
	}
	if err := verify(t.Context(), h); err != nil {
		t.Error(err)
	}
	if !h.Token().Reading {
		t.Error("the use waited until all was read")
	}
	card.Slow(0)
	eventually(t, "all is read", func() bool { return !h.Token().Reading })
	if len(h.Token().Slots) != 2 {
		t.Errorf("then: %+v", h.Token().Slots)
	}
}

// What another program changed is seen once it lets the card go; our own use is no
// reason to look.
func TestACardIsReadAgainWhenOthersLetItGo(t *testing.T) {
	f := newFake("a")
	r, _ := watchFake(t, f)
	card := newCard(t, pivtest.YubiKey5())
	f.insert("a", virtual{card, t})
	eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
	h := r.Cards()[0]
	other := func(is bool) {
		f.change(func() { f.others = is })
		eventually(t, "that is seen", func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.mu.readers["a"].inUse == is
		})
	}
	other(true)
	other(false) // we were at it since it was put in: nothing can be said
	eventually(t, "the card is let go", func() bool { return released(h) })
	if _, err := card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{}); err != nil {
		t.Fatal(err)
	}
	before := card.Counts().APDUs
	other(true)
	if card.Counts().APDUs != before {
		t.Error("it was read while the other program was at it")
	}
	other(false)
	eventually(t, "the new key is listed", func() bool { return len(h.Token().Slots) == 1 })
}
