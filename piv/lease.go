package piv

import (
	"bytes"
	"cmp"
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
	reader string
	system system
	token  atomic.Pointer[Token]
	worker *worker
	turn   chan struct{} // held, by being full, during an operation
	broken atomic.Bool   // the connection must not be used again
	odd    func(*Handle) // told when another card answers than the token's
	sent   *exchanges

	// The worker's own.
	context pcscContext
	card    pcscCard
	open    bool // a transaction is
	idle    *time.Timer

	connected atomic.Bool // a transaction can wait for the first command

	connects atomic.Uint64 // how often we connected: for telling our use from others'
	freed    chan struct{} // holds a token when another program has let the card go

	// Of the holder of turn.
	applet  *Applet
	limit   time.Duration // of one command
	resetAt time.Time     // when another program's reset was told last
	// unlocked: we gave the PIN, and nobody had before us. The card is not
	// left so: until then any program can sign with it.
	unlocked atomic.Bool
}

func newHandle(reader string, system system, sent *exchanges, odd func(*Handle)) *Handle {
	h := &Handle{reader: reader, system: system, turn: make(chan struct{}, 1), freed: make(chan struct{}, 1), sent: sent, odd: odd}
	h.idle = time.AfterFunc(time.Hour, h.release)
	h.idle.Stop()
	h.worker = newWorker(h.hangUp)
	return h
}

// Reader is the name that PC/SC has for the reader: for showing, not for telling cards apart.
func (h *Handle) Reader() string { return h.reader }

// Token is what the card holds.
func (h *Handle) Token() *Token { return h.token.Load() }

// Gone is closed when the card was removed, or the smartcard service ended.
func (h *Handle) Gone() <-chan struct{} { return h.worker.quit }

// Do runs one operation on the card: it waits for its turn, begins a
// transaction, makes sure that it is the same card, and ends the transaction
// when run returns. On a connection that is there already the transaction begins
// with the first command. run must neither keep the Applet nor call Do. When ctx
// ends Do returns soon, even if the card is still at work.
//
// The error wraps ErrRemoved, ErrReset, ErrBusy, ErrNoAnswer, ErrNoService or
// ErrOtherCard, or is what run returned.
func (h *Handle) Do(ctx context.Context, run func(*Applet) error) error {
	return h.do(ctx, transmitLimit, run)
}

// do is Do with a limit of one command.
func (h *Handle) do(ctx context.Context, limit time.Duration, run func(*Applet) error) error {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("piv: wait for the card: %w", context.Cause(ctx))
	case <-h.Gone():
		return fmt.Errorf("piv: %w", ErrRemoved)
	}
	defer func() { <-h.turn }()
	defer h.worker.soon(h.endTransaction)
	h.limit = limit
	return h.perform(ctx, run)
}

// perform runs one operation for the holder of turn.
func (h *Handle) perform(ctx context.Context, run func(*Applet) error) error {
	if h.applet != nil && h.connected.Load() && !h.broken.Load() {
		h.applet.stale = true // the first command begins the transaction
	} else if err := h.begin(ctx); err != nil {
		return err
	}
	err := run(h.applet)
	h.notePIN()
	h.unlocked.Store(h.applet.given && !h.applet.shared && !errors.Is(err, ErrReset))
	return h.noteReset(err)
}

// begin gets a transaction, on a new connection, and the PIV application in it.
// Another program's reset on the way is no failure, as nothing was done yet. A
// card that is reset between two commands refuses to say which one it is, so that
// is asked twice.
func (h *Handle) begin(ctx context.Context) (err error) {
	asked := false
	for range maxResets {
		err = h.noteReset(h.beginOnce(ctx))
		other := errors.Is(err, ErrOtherCard)
		if !other && !errors.Is(err, ErrReset) {
			return err
		}
		if other && asked {
			break
		}
		asked = asked || other
		h.worker.soon(h.endTransaction)
	}
	if errors.Is(err, ErrOtherCard) {
		h.odd(h)
	}
	return err
}

// noteReset takes what a card refuses just after a reset was told for that reset:
// who connects in between is not told, and loses the application and the PIN.
// A PIN that is wrong is wrong.
func (h *Handle) noteReset(err error) error {
	var refused Status
	switch {
	case errors.Is(err, ErrReset):
		h.resetAt = time.Now()
	case errors.As(err, &refused) && time.Since(h.resetAt) < resetLimit:
		h.resetAt = time.Time{} // once
		h.broken.Store(true)
		return fmt.Errorf("%w: %w", ErrReset, err)
	}
	return err
}

func (h *Handle) beginOnce(ctx context.Context) error {
	h.applet = nil
	card := handleCard{handle: h}
	var err error
	_, stopped := h.worker.call(ctx, connectLimit, func() {
		if err = h.beginTransaction(); err == nil {
			card.t0, card.atr = h.card.t0(), h.card.atr()
		}
	})
	if stopped != nil {
		h.broken.Store(true)
		return fmt.Errorf("piv: open card: %w", stopped)
	}
	if err != nil {
		return fmt.Errorf("piv: open card: %w", err)
	}
	return h.meet(ctx, card)
}

// meet finds the application on a fresh connection. The PIN must never go to
// another card than the one that was described, so that one is asked for its number.
func (h *Handle) meet(ctx context.Context, card Card) error {
	token := h.Token()
	applet, same, err := open(ctx, card, token)
	switch {
	case token == nil && err != nil:
		return err
	case token == nil:
		same = true
	case err == nil && !same:
		same, err = applet.isSame(ctx, token)
	case errors.Is(err, ErrNotPIV):
		err = nil
	}
	if err != nil {
		return fmt.Errorf("piv: identify card: %w", err)
	}
	if !same {
		h.broken.Store(true)
		return fmt.Errorf("piv: %w", ErrOtherCard)
	}
	h.applet = applet
	return nil
}

func (h *Handle) close() { h.worker.close() }

// handleCard is the Card below a Handle's Applet.
type handleCard struct {
	handle *Handle
	t0     bool
	atr    []byte
}

func (c handleCard) T0() bool    { return c.t0 }
func (c handleCard) ATR() []byte { return c.atr }

// Transmit also begins the transaction, where the operation has none yet. When the
// connection turns out to be lost, nobody knows which card is there and who was at it.
func (c handleCard) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	response, lost, err := c.transmit(ctx, command)
	if !lost || c.handle.applet == nil { // without one it is begin itself that asks
		return response, err
	}
	if err := c.beginAnew(ctx, err); err != nil {
		return nil, err
	}
	response, _, err = c.transmit(ctx, command)
	return response, err
}

// transmit sends nothing when the connection is lost. It gives the worker a command
// of its own, as the caller may be gone before the service has read it.
func (c handleCard) transmit(ctx context.Context, command []byte) (response []byte, lost bool, err error) {
	h, own := c.handle, bytes.Clone(command)
	var reply struct { // not to be read once stopped
		response []byte
		lost     bool
		err      error
	}
	started, stopped := h.worker.call(ctx, cmp.Or(h.limit, transmitLimit), func() {
		defer clear(own)
		if reply.err = h.resume(); reply.err != nil {
			reply.lost = true
			return
		}
		h.sent.timed(func() { reply.response, reply.err = h.card.transmit(own) })
		if reply.err != nil {
			h.broken.Store(true)
		}
	})
	if !started {
		clear(own)
	}
	if stopped != nil {
		h.broken.Store(true)
		return nil, false, stopped
	}
	return reply.response, reply.lost, reply.err
}

// beginAnew makes the running operation's Applet that of a new connection: nothing
// that it knows of the old one holds.
func (c handleCard) beginAnew(ctx context.Context, lost error) error {
	h, running := c.handle, c.handle.applet
	running.stale, running.given, running.shared = true, false, false
	_ = h.noteReset(lost)
	err := h.begin(ctx)
	switch {
	case err != nil:
		h.broken.Store(true)
	case h.applet.link.t0 != c.t0:
		return fmt.Errorf("piv: %w", ErrReset) // the command has another form now
	default:
		*running = *h.applet
	}
	h.applet = running
	return err
}
