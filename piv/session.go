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

// session is our side of one card: the connection, its transaction, the PIV
// application on it, and who gave the card its PIN (login.go).
//
//	          connect             begin              findPIV
//	┌───────┐ ──────▶ ┌─────────┐ ─────▶ ┌─────────┐ ──────▶ ┌───────┐
//	│ apart │         │ sharing │        │ holding │         │ ready │ Do runs
//	└───────┘ ◀────── └─────────┘ ──────────────────────────▶└───────┘
//	    ▲   disconnect   ▲     begin, with the earlier Applet     │
//	    │                └─────────────────── end ────────────────┤
//	    └── lost: another program's reset, a removal, no answer ──┘
//
// While it is sharing, any program can use the card and select another application,
// so the earlier Applet may no longer be selected (see Applet.stale). An Applet is
// never replaced while Do runs: a lost connection ends that use with an error, and
// the next one begins apart.
type session struct {
	reader string
	system system
	sent   *exchanges
	worker *worker
	idle   *time.Timer

	// Only the worker uses these.
	context pcscContext
	card    pcscCard // nil: apart
	holding bool     // a transaction has begun

	// Only the holder of the Handle's turn uses these.
	applet   *Applet       // of the last connection; nil: PIV was not found on it
	protocol protocol      // of the last connection
	limit    time.Duration // of one command
	resetAt  time.Time     // when another program's reset was last announced
	usedAt   time.Time     // when the last use ended, except for reading the card

	login    login
	lost     atomic.Bool   // the connection must not be used again
	connects atomic.Uint64 // counts our connections, to distinguish our use from others'
}

// protocol describes a card's protocol.
type protocol struct {
	t0  bool
	atr []byte
}

func newSession(reader string, system system, sent *exchanges, idle func()) *session {
	s := &session{reader: reader, system: system, sent: sent}
	s.idle = time.AfterFunc(time.Hour, idle)
	s.idle.Stop()
	s.worker = newWorker(s.hangUp)
	return s
}

// T0 implements protocolTeller.
func (s *session) T0() bool { return s.protocol.t0 }

// ATR implements atrTeller.
func (s *session) ATR() []byte { return s.protocol.atr }

// begin makes the session ready from any state. token describes the card, if it is
// known. The error is ErrReset after another program's reset, and ErrOtherCard if
// the card is not the token's.
func (s *session) begin(ctx context.Context, token *Token) error {
	var (
		fresh  bool
		spoken protocol
		err    error // none of these may be read once stopped
	)
	_, stopped := s.worker.call(ctx, connectLimit, func() {
		if fresh, err = s.hold(); err == nil {
			spoken = protocol{s.card.t0(), s.card.atr()}
		}
	})
	if stopped != nil {
		s.lost.Store(true)
		s.applet = nil
		return fmt.Errorf("open card: %w", stopped)
	}
	if err != nil {
		s.applet = nil
		return fmt.Errorf("open card: %w", err)
	}
	if !fresh && s.applet != nil {
		s.applet.stale = true
		return nil
	}
	s.protocol = spoken
	s.applet, err = s.findPIV(ctx, token)
	return err
}

// findPIV finds the application on a new connection. It checks the card's number,
// because the PIN must never go to another card than the described one.
func (s *session) findPIV(ctx context.Context, token *Token) (*Applet, error) {
	applet, same, err := open(ctx, s, token)
	switch {
	case token == nil && err != nil:
		return nil, err
	case token == nil:
		same = true
	case err == nil && !same:
		same, err = applet.isSame(ctx, token)
	case errors.Is(err, ErrNotPIV):
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("identify card: %w", err)
	}
	if !same {
		s.lost.Store(true)
		return nil, ErrOtherCard
	}
	applet.login = &s.login
	return applet, nil
}

// Transmit implements Card. It gives the worker a copy of the command, because the
// caller may return before the service has read it.
func (s *session) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	sent := bytes.Clone(command)
	var (
		response []byte // must not be read once stopped
		err      error
	)
	started, stopped := s.worker.call(ctx, cmp.Or(s.limit, transmitLimit), func() {
		defer clear(sent)
		response, err = s.transmit(sent)
	})
	if !started {
		clear(sent)
	}
	if stopped != nil {
		s.lost.Store(true)
		return nil, stopped
	}
	return response, err
}

// endSoon ends the transaction before the worker does anything else. It does not
// wait.
func (s *session) endSoon() { s.worker.callFirst(s.end) }

// noteReset treats a refusal just after an announced reset as that reset. A program
// that connects in between is not notified, but loses the application and the PIN.
// A wrong PIN is not treated so.
func (s *session) noteReset(err error) error {
	var refused Status
	switch {
	case errors.Is(err, ErrReset):
		s.resetAt = time.Now()
	case errors.As(err, &refused) && time.Since(s.resetAt) < resetLimit:
		s.resetAt = time.Time{} // once
		s.lost.Store(true)
		return fmt.Errorf("%w: %w", ErrReset, err)
	}
	return err
}
