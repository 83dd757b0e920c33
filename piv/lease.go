package piv

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// How long a card is kept, and how long PC/SC may take. A card or a driver can hang
// the PC/SC service.
const (
	// releaseAfter the last use, the card is released, so that other programs
	// can have it exclusively (gpg) within two seconds.
	releaseAfter = 1500 * time.Millisecond
	// logOutLimit bounds clearing the PIN. That waits while another program uses
	// the card, which the reset after this limit would interrupt.
	logOutLimit = 10 * time.Second
	// connectLimit covers a card's power-up (2 s in ISO 7816-3) and the wait for
	// another program's transaction.
	connectLimit = 20 * time.Second
	// transmitLimit covers a touch (a YubiKey waits 15 s) and an RSA-4096
	// signature on a slow card.
	transmitLimit = 60 * time.Second
	// maxResets is how many resets by other programs one use of the card
	// tolerates before it begins. One reset can be met twice: when it is
	// announced, and when it is carried out.
	maxResets = 5
	// resetLimit is how long after its announcement a reset may be carried out: a
	// card must answer it within a second (ISO 7816-3), real ones need two.
	resetLimit = 2 * time.Second
)

// Handle is one card from its insertion to its removal. Its operations run one at a
// time, first come first served. They do not delay other cards.
type Handle struct {
	token     atomic.Pointer[Token]
	turn      chan struct{} // full during an operation
	session   *session
	otherCard func(*Handle) // called if a card other than the token's answers
	freed     chan struct{} // holds a token after another program released the card
	kept      atomic.Bool   // the PIN could not be cleared yet
	changed   func()        // called when kept changes
}

func newHandle(reader string, system system, sent *exchanges, otherCard func(*Handle), changed func()) *Handle {
	h := &Handle{turn: make(chan struct{}, 1), freed: make(chan struct{}, 1), otherCard: otherCard, changed: changed}
	h.session = newSession(reader, system, sent, h.releaseIdle)
	return h
}

// Reader returns PC/SC's name for the reader: for display, not to identify cards.
func (h *Handle) Reader() string { return h.session.reader }

// Token returns the contents of the card; nil before they are read.
func (h *Handle) Token() *Token { return h.token.Load() }

// Gone returns a channel that is closed when the card is removed or the smartcard
// service ends.
func (h *Handle) Gone() <-chan struct{} { return h.session.worker.quit }

// Do runs one operation on the card: it waits for its turn, begins a transaction,
// checks that it is the same card, and ends the transaction when run returns. run
// must neither keep the Applet nor call Do. Do returns soon after ctx ends, even if
// the card is still busy.
//
// The error wraps ErrRemoved, ErrReset, ErrBusy, ErrNoAnswer, ErrNoService or
// ErrOtherCard, or is run's error.
func (h *Handle) Do(ctx context.Context, run func(*Applet) error) error {
	return h.inTurn(ctx, func() error {
		defer func() { h.session.usedAt = time.Now() }()
		return h.perform(ctx, transmitLimit, run)
	})
}

// read is Do for reading a card in many turns. It does not extend the time that the
// card keeps a PIN.
func (h *Handle) read(ctx context.Context, run func(*Applet) error) error {
	return h.inTurn(ctx, func() error {
		return h.perform(ctx, readLimit, func(a *Applet) error {
			if a.login.ours() && time.Since(h.session.usedAt) > releaseAfter {
				if err := a.Logout(ctx); err != nil {
					h.session.lost.Store(true) // the card is reset
					return fmt.Errorf("%w: %w", ErrReset, err)
				}
			}
			return run(a)
		})
	})
}

func (h *Handle) inTurn(ctx context.Context, use func() error) error {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for the card: %w", context.Cause(ctx))
	case <-h.Gone():
		return ErrRemoved
	}
	defer func() { <-h.turn }()
	defer h.session.endSoon()
	return use()
}

// perform runs one operation for the holder of turn. limit bounds each command.
func (h *Handle) perform(ctx context.Context, limit time.Duration, run func(*Applet) error) error {
	h.session.limit = limit
	if err := h.begin(ctx); err != nil {
		return err
	}
	err := run(h.session.applet)
	h.notePIN()
	return h.session.noteReset(err)
}

// begin makes the session ready. It retries after another program's reset, because
// nothing was done yet. A card that is reset between two commands does not identify
// itself, so an unknown card is asked twice.
func (h *Handle) begin(ctx context.Context) (err error) {
	asked := false
	for range maxResets {
		err = h.session.noteReset(h.session.begin(ctx, h.Token()))
		other := errors.Is(err, ErrOtherCard)
		if !other && !errors.Is(err, ErrReset) {
			return err
		}
		if other && asked {
			break
		}
		asked = asked || other
		h.session.endSoon()
	}
	if errors.Is(err, ErrOtherCard) {
		h.otherCard(h)
	}
	return err
}

// Release releases the card now, or when the current use ends. Otherwise that
// happens releaseAfter the last use.
func (h *Handle) Release() {
	select {
	case h.turn <- struct{}{}:
		h.letGo()
	case <-h.Gone():
	case <-time.After(transmitLimit):
	}
}

// releaseIdle releases the card unless it is in use: the end of that use restarts
// the timer.
func (h *Handle) releaseIdle() {
	select {
	case h.turn <- struct{}{}:
		h.letGo()
	default:
	}
}

// letGo clears the PIN, disconnects, and gives up the turn.
func (h *Handle) letGo() {
	defer func() { <-h.turn }()
	if err := h.logOut(); errors.Is(err, ErrNoAnswer) && h.session.login.ours() {
		h.kept.Store(true)
		h.changed()
	}
	if _, err := h.session.worker.call(context.Background(), connectLimit, h.session.disconnect); err != nil {
		h.session.lost.Store(true) // when the pending call returns, the worker disconnects
		h.session.endSoon()
		return
	}
	if h.kept.Swap(false) {
		h.changed()
	}
}

// logOut clears the PIN in the way that disturbs other programs least. If it
// fails, disconnect resets the card.
func (h *Handle) logOut() error {
	if !h.session.login.ours() {
		return nil
	}
	ctx, stop := context.WithTimeoutCause(context.Background(), logOutLimit, ErrNoAnswer)
	defer stop()
	return h.perform(ctx, transmitLimit, func(a *Applet) error {
		// On a new connection, the card was reset, so any PIN is another program's.
		if _, _, err := a.PINStatus(ctx); err != nil || !a.PINGiven() {
			return err
		}
		return a.Logout(ctx)
	})
}

func (h *Handle) close() { h.session.worker.close() }

// HeldOpen reports whether another program's transaction keeps us from clearing our
// PIN. Until it ends, that program can use the card; PC/SC has no way to end it.
func (h *Handle) HeldOpen() bool { return h.kept.Load() && h.session.login.ours() }
