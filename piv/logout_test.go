package piv

import (
	"context"
	"errors"
	"testing"
	"time"

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
	_, _ = h.session.worker.call(context.Background(), 0, func() { let = h.session.card == nil })
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
	h.session.lost.Store(true)
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
	_, _ = h.session.worker.call(t.Context(), 0, func() { h.session.card = wasReset{h.session.card, &again} })
	if err := verify(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if again {
		t.Error("it was reset again")
	}
}

// A card that answers 9000 to a log-out and changes nothing: a YubiKey's PIN goes
// with the application, a global PIN with a reset only.
func TestALogoutThatDoesNothing(t *testing.T) {
	for _, c := range []struct {
		character pivtest.Character
		reset     bool
	}{{pivtest.YubiKey5(), false}, {pivtest.GovernmentPIV(), true}} {
		f := newFake("a")
		r, _ := watchFake(t, f)
		card := newCard(t, c.character)
		f.insert("a", resettable{virtual{card, t}})
		eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
		h := r.Cards()[0]
		card.IgnoreLogout(true)
		before := card.Counts().PowerOns
		if err := verify(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		h.Release()
		if card.PINVerified() {
			t.Errorf("%s: the card was left open for every program", c.character.Name)
		}
		if reset := card.Counts().PowerOns > before; reset != c.reset {
			t.Errorf("%s: reset %v, want %v", c.character.Name, reset, c.reset)
		}
	}
}

// The session of an administrator's command is ended in the same way.
func TestEndSessionThatDoesNothing(t *testing.T) {
	f := newFake("a")
	r, _ := watchFake(t, f)
	card := newCard(t, pivtest.GovernmentPIV())
	f.insert("a", resettable{virtual{card, t}})
	eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
	h := r.Cards()[0]
	card.IgnoreLogout(true)
	err := h.Do(t.Context(), func(a *Applet) error {
		return errors.Join(a.ChangePIN(t.Context(), []byte(pivtest.DefaultPIN), []byte("654321")), a.EndSession(t.Context()))
	})
	if err != nil {
		t.Fatal(err)
	}
	if !card.PINVerified() {
		t.Fatal("nothing is left to take back")
	}
	h.Release()
	if card.PINVerified() {
		t.Error("the card was left open for every program")
	}
}

// A card that drops the PIN when it is selected, as YubiKeys do: what we do on it
// leaves another program's login alone, on a new connection and on one that is
// there, and when the card is read.
func TestAnotherProgramsLoginOutlivesOurUse(t *testing.T) {
	for _, identified := range []bool{true, false} { // by its CHUID, or not
		f := newFake("a")
		card := newCard(t, pivtest.YubiKey5())
		public := sshKey(t, must1(card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{PIN: pivtest.PINOnce}))(t))
		if identified {
			if err := card.Identify(); err != nil {
				t.Fatal(err)
			}
		}
		other := selected(t, card)
		if err := other.Verify(t.Context(), []byte(pivtest.DefaultPIN)); err != nil {
			t.Fatal(err)
		}
		r, _ := watchFake(t, f)
		f.insert("a", virtual{card, t})
		eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
		h := r.Cards()[0]
		sign := func() {
			t.Helper()
			err := h.Do(t.Context(), func(a *Applet) error {
				if _, verified, err := a.PINStatus(t.Context()); err != nil || !verified {
					return errors.Join(err, errors.New("another program's PIN does not show"))
				}
				_, err := a.Sign(t.Context(), 0x9A, public, []byte("ours"), public.Type())
				return errors.Join(err, a.Verify(t.Context(), []byte(pivtest.DefaultPIN)))
			})
			if err != nil {
				t.Error(err)
			}
		}
		sign()
		sign() // on the same connection
		eventually(t, "the card is let go", func() bool { return released(h) })
		sign() // on a new one
		eventually(t, "the card is let go", func() bool { return released(h) })
		if _, err := other.Sign(t.Context(), 0x9A, public, []byte("theirs"), public.Type()); err != nil {
			t.Errorf("identified %v: the other program was logged out: %v", identified, err)
		}
	}
}

// A login that we saw and that its program has ended is not there any more: the
// PIN that we give then is ours to take back.
func TestAPINGivenAfterAnothersLogoutIsTakenBack(t *testing.T) {
	card, h := plugged(t, pivtest.YubiKey5())
	other := selected(t, card)
	if err := other.Verify(t.Context(), []byte(pivtest.DefaultPIN)); err != nil {
		t.Fatal(err)
	}
	status := func(want bool) {
		t.Helper()
		err := h.Do(t.Context(), func(a *Applet) error {
			if _, verified, err := a.PINStatus(t.Context()); err != nil || verified != want {
				return errors.Join(err, errors.New("not the PIN status that is wanted"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	status(true)
	if err := other.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	status(false)
	if err := verify(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	h.Release()
	if card.PINVerified() {
		t.Error("the card was left open for every program")
	}
}

// A slow card is read for long, and others are let in between: the PIN that one of
// them gave does not stay in until the reading ends.
func TestAPINIsTakenBackWhileTheCardIsRead(t *testing.T) {
	for name, c := range map[string]struct{ ignoresLogout, release bool }{
		"1.5 s after the use":   {},
		"by a reset":            {ignoresLogout: true},
		"at once, as at a lock": {release: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake("a")
			r, _ := watchFake(t, f)
			card := newCard(t, pivtest.GovernmentPIV())
			card.Slow(100 * time.Millisecond)
			card.IgnoreLogout(c.ignoresLogout)
			f.insert("a", resettable{virtual{card, t}})
			eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
			h := r.Cards()[0]
			if err := verify(t.Context(), h); err != nil {
				t.Fatal(err)
			}
			if c.release {
				h.Release()
			}
			eventually(t, "the PIN is taken back", func() bool { return !card.PINVerified() })
			if !h.Token().Reading {
				t.Error("the card was read before: nothing is shown")
			}
			f.remove("a")
		})
	}
}

// A lock in the middle of a signature: the PIN goes when it ends, and at once.
func TestReleaseWaitsForAUse(t *testing.T) {
	card, h := plugged(t, pivtest.YubiKey5())
	released, begun := make(chan struct{}), make(chan struct{})
	go func() { <-begun; h.Release(); close(released) }()
	err := h.Do(t.Context(), func(a *Applet) error {
		close(begun)
		select {
		case <-released:
			t.Error("it did not wait")
		case <-time.After(50 * time.Millisecond):
		}
		return a.Verify(t.Context(), []byte(pivtest.DefaultPIN))
	})
	if err != nil {
		t.Fatal(err)
	}
	<-released
	if card.PINVerified() {
		t.Error("the card was left open for every program")
	}
}

// Between two uses another program may select its own application, which must not
// get the PIN.
func TestThePINGoesToNoOtherApplication(t *testing.T) {
	card, h := plugged(t, pivtest.YubiKey5())
	nothing := func(*Applet) error { return nil }
	if err := h.Do(t.Context(), nothing); err != nil {
		t.Fatal(err)
	}
	if err := newApplet(virtual{card, t}).leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if released(h) {
		t.Skip("the machine is too slow to show anything")
	}
	if err := verify(t.Context(), h); err != nil {
		t.Error(err)
	}
}
