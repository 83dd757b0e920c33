package piv

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// How long a card is kept, and how long PC/SC may take. The service is a
// process of its own, and a card or a driver can hang it.
const (
	// releaseAfter the last use the card is disconnected, so that others can
	// have it exclusively (gpg) within two seconds.
	releaseAfter = 1500 * time.Millisecond
	// logOutLimit bounds taking the PIN back. It waits while another program is at
	// work on the card: the reset that comes after it would throw that one out.
	logOutLimit = 10 * time.Second
	// connectLimit covers power-up of a card (2 s in ISO 7816-3) and the wait
	// for another program's transaction.
	connectLimit = 20 * time.Second
	// transmitLimit covers a touch (a YubiKey waits 15 s) and an RSA-4096
	// signature on a slow card.
	transmitLimit = 60 * time.Second
	// maxResets is how many resets by other programs one use of the card gets
	// over before it has begun. One reset can be met twice: when it is told, and
	// when it is carried out.
	maxResets = 5
	// resetLimit is how long after it was told a reset may be carried out: a
	// card has a second to answer it (ISO 7816-3), two as cards are.
	resetLimit = 2 * time.Second
)

// Handle is one card from its insertion to its removal. Its operations take
// turns, in the order of their asking; another card's are not delayed.
type Handle struct {
	token     atomic.Pointer[Token]
	turn      chan struct{} // held, by being full, during an operation
	session   *session
	otherCard func(*Handle) // told when another card answers than the token's
	freed     chan struct{} // holds a token when another program has let the card go
	kept      atomic.Bool   // the PIN could not be taken back yet
	changed   func()        // told when that changes
}

func newHandle(reader string, system system, sent *exchanges, otherCard func(*Handle), changed func()) *Handle {
	h := &Handle{turn: make(chan struct{}, 1), freed: make(chan struct{}, 1), otherCard: otherCard, changed: changed}
	h.session = newSession(reader, system, sent, h.releaseIdle)
	return h
}

// Reader is the name that PC/SC has for the reader: for showing, not for telling cards apart.
func (h *Handle) Reader() string { return h.session.reader }

// Token is what the card holds.
func (h *Handle) Token() *Token { return h.token.Load() }

// Gone is closed when the card was removed, or the smartcard service ended.
func (h *Handle) Gone() <-chan struct{} { return h.session.worker.quit }

// Do runs one operation on the card: it waits for its turn, begins a
// transaction, makes sure that it is the same card, and ends the transaction
// when run returns. run must neither keep the Applet nor call Do. When ctx
// ends Do returns soon, even if the card is still at work.
//
// The error wraps ErrRemoved, ErrReset, ErrBusy, ErrNoAnswer, ErrNoService or
// ErrOtherCard, or is what run returned.
func (h *Handle) Do(ctx context.Context, run func(*Applet) error) error {
	return h.inTurn(ctx, func() error {
		defer func() { h.session.usedAt = time.Now() }()
		return h.perform(ctx, transmitLimit, run)
	})
}

// read is Do for reading a card in many turns. It does not lengthen how long the
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

// perform runs one operation for the holder of turn. limit is that of one command.
func (h *Handle) perform(ctx context.Context, limit time.Duration, run func(*Applet) error) error {
	h.session.limit = limit
	if err := h.begin(ctx); err != nil {
		return err
	}
	err := run(h.session.applet)
	h.notePIN()
	return h.session.noteReset(err)
}

// begin makes the session ready. Another program's reset on the way is no failure,
// as nothing was done yet. A card that is reset between two commands refuses to say
// which one it is, so that is asked twice.
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

// Release lets the card go now, or when the use that goes on has ended: without it
// that happens 1.5 seconds after the last use.
func (h *Handle) Release() {
	select {
	case h.turn <- struct{}{}:
		h.letGo()
	case <-h.Gone():
	case <-time.After(transmitLimit):
	}
}

// releaseIdle lets the card go unless it is used: the end of that use starts the
// time anew.
func (h *Handle) releaseIdle() {
	select {
	case h.turn <- struct{}{}:
		h.letGo()
	default:
	}
}

// letGo takes the PIN back, disconnects, and gives up the turn.
func (h *Handle) letGo() {
	defer func() { <-h.turn }()
	if err := h.logOut(); errors.Is(err, ErrNoAnswer) && h.session.login.ours() {
		h.kept.Store(true)
		h.changed()
	}
	if _, err := h.session.worker.call(context.Background(), connectLimit, h.session.disconnect); err != nil {
		h.session.lost.Store(true) // whatever it waits for: once it has that, it lets go
		h.session.endSoon()
		return
	}
	if h.kept.Swap(false) {
		h.changed()
	}
}

// logOut takes the PIN back in the way that disturbs other programs least. When
// it cannot, disconnect resets the card.
func (h *Handle) logOut() error {
	if !h.session.login.ours() {
		return nil
	}
	ctx, stop := context.WithTimeoutCause(context.Background(), logOutLimit, ErrNoAnswer)
	defer stop()
	return h.perform(ctx, transmitLimit, func(a *Applet) error {
		// On a new connection, as the card was reset meanwhile, a PIN is another program's.
		if _, _, err := a.PINStatus(ctx); err != nil || !a.PINGiven() {
			return err
		}
		return a.Logout(ctx)
	})
}

func (h *Handle) close() { h.session.worker.close() }

// HeldOpen says that another program's transaction keeps us from taking our PIN back:
// until it ends, that program can use the card. PC/SC knows no way to end it.
func (h *Handle) HeldOpen() bool { return h.kept.Load() && h.session.login.ours() }
