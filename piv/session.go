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

// session is our side of one card: the connection, the transaction on it, the PIV
// application found through it, and whose PIN the card has (login.go).
//
//	          connect             begin              findPIV
//	┌───────┐ ──────▶ ┌─────────┐ ─────▶ ┌─────────┐ ──────▶ ┌───────┐
//	│ apart │         │ sharing │        │ holding │         │ ready │ Do runs
//	└───────┘ ◀────── └─────────┘ ──────────────────────────▶└───────┘
//	    ▲   disconnect   ▲     begin, with the Applet of before   │
//	    │                └─────────────────── end ────────────────┤
//	    └── lost: another program's reset, a removal, no answer ──┘
//
// While it is sharing, any program can use the card and select another application:
// the Applet of before is then not sure of its own (see Applet.stale). An Applet is
// never exchanged while Do runs: what is lost then ends that use with an error, and
// the next one begins apart.
type session struct {
	reader string
	system system
	sent   *exchanges
	worker *worker
	idle   *time.Timer

	// These belong to the worker.
	context pcscContext
	card    pcscCard // nil: apart
	holding bool     // a transaction has begun

	// These belong to the holder of the Handle's turn.
	applet  *Applet       // of the last connection; nil: PIV was not found on it
	speaks  protocol      // of the last connection
	limit   time.Duration // of one command
	resetAt time.Time     // when another program's reset was told last
	usedAt  time.Time     // when the last use ended that was not for reading the card

	login    login
	lost     atomic.Bool   // the connection must not be used again
	connects atomic.Uint64 // how often we connected: for telling our use from others'
}

// protocol is what a card speaks.
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
func (s *session) T0() bool { return s.speaks.t0 }

// ATR implements atrTeller.
func (s *session) ATR() []byte { return s.speaks.atr }

// begin makes the session ready, whatever it was before. token is what is known of
// the card, nil for nothing. The error is ErrReset when another program's reset was
// met on the way, and ErrOtherCard when the card is not the token's.
func (s *session) begin(ctx context.Context, token *Token) error {
	var (
		fresh  bool
		speaks protocol
		err    error // none of these is to be read once stopped
	)
	_, stopped := s.worker.call(ctx, connectLimit, func() {
		if fresh, err = s.hold(); err == nil {
			speaks = protocol{s.card.t0(), s.card.atr()}
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
	s.speaks = speaks
	s.applet, err = s.findPIV(ctx, token)
	return err
}

// findPIV finds the application on a new connection. The PIN must never go to
// another card than the one that was described, so that one is asked for its number.
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

// Transmit implements Card. It gives the worker a copy of the command, as the caller
// may be gone before the service has read it.
func (s *session) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	sent := bytes.Clone(command)
	var (
		response []byte // not to be read once stopped
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

// endSoon ends the transaction before the worker does anything else, and does not
// wait for it.
func (s *session) endSoon() { s.worker.callFirst(s.end) }

// noteReset takes what a card refuses just after a reset was told for that reset:
// who connects in between is not told, and loses the application and the PIN.
// A PIN that is wrong is wrong.
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
