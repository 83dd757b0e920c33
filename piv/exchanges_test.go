package piv

import (
	"runtime"
	"testing"

	"github.com/keybroker/keybroker/piv/pivtest"
)

// Whatever a card was sent is counted.
func TestExchangesAreCounted(t *testing.T) {
	fake := newFake("reader")
	r, _ := watchFake(t, fake)
	if count, took := r.Exchanges(); count != 0 || took != 0 {
		t.Errorf("%d exchanges took %v before there was a card", count, took)
	}
	card := pivtest.NewCard(t, pivtest.YubiKey5())
	fake.insert("reader", virtual{card, t})
	eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
	before := card.Counts().APDUs
	if err := verify(t.Context(), r.Cards()[0]); err != nil {
		t.Fatal(err)
	}
	count, took := r.Exchanges()
	if sent := card.Counts().APDUs; count != uint64(sent) || sent == before || took <= 0 && runtime.GOOS != "windows" { // whose clock has steps of milliseconds
		t.Errorf("%d exchanges took %v; the card saw %d, %d of them to read it", count, took, sent, before)
	}
}
