package piv

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/keybroker/keybroker/piv/pivtest"
)

// Another program begins a transaction while the card still has the PIN, and keeps it
// for longer than anybody waits here. That is told, and when it ends, so does the login.
func TestACardThatIsHeldOpen(t *testing.T) {
	for name, long := range map[string]time.Duration{"shortly": 5 * time.Second, "longer than the log-out": 20 * time.Second, "longer than all waits": 5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake("a")
				r, _ := watchFake(t, f)
				card := newCard(t, pivtest.YubiKey5())
				f.insert("a", resettable{virtual{card, t}})
				synctest.Wait()
				eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
				h := r.Cards()[0]
				if err := verify(t.Context(), h); err != nil {
					t.Fatal(err)
				}
				goOn := f.hang("begin")
				time.Sleep(long)
				synctest.Wait()
				if held := h.HeldOpen(); held != (long > releaseAfter+logOutLimit) {
					t.Errorf("held open: %v", held)
				}
				goOn()
				time.Sleep(releaseAfter + time.Second)
				synctest.Wait()
				if card.PINVerified() || h.HeldOpen() {
					t.Errorf("the PIN is in: %v, held open: %v", card.PINVerified(), h.HeldOpen())
				}
				if !released(h) {
					t.Error("the card is not let go")
				}
				if err := verify(t.Context(), h); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
