//go:build !nopcsc && ((cgo && (linux || darwin)) || windows)

package piv

import (
	"bytes"
	"fmt"
	"time"

	"github.com/ebfe/scard"
)

// CompiledIn reports whether this program can talk to cards at all.
const CompiledIn = true

// service is the system's PC/SC service. Two traps of the scard package: it
// keeps the names that SCardGetStatusChange uses in a map by name, so two
// goroutines must never wait at once (Readers has one watcher); and it panics
// on an empty command and on a protocol that is neither T=0 nor T=1.
type service struct{}

func (service) establish() (pcscContext, error) {
	ctx, err := scard.EstablishContext()
	if err != nil {
		return nil, pcscError("establish context", err)
	}
	return &scardContext{ctx}, nil
}

type scardContext struct{ ctx *scard.Context }

func (c *scardContext) readers() (names []string, err error) {
	// scard indexes an empty buffer when a service says "success, 0 bytes".
	defer func() {
		if recover() != nil {
			names, err = nil, nil
		}
	}()
	names, err = c.ctx.ListReaders()
	if err == scard.ErrNoReadersAvailable {
		return nil, nil
	}
	return names, pcscError("list readers", err)
}

func (c *scardContext) wait(states []readerState, timeout time.Duration) error {
	raw := make([]scard.ReaderState, len(states))
	for i, s := range states {
		raw[i] = scard.ReaderState{Reader: s.reader, CurrentState: scard.StateFlag(s.raw)}
	}
	err := c.ctx.GetStatusChange(raw, timeout)
	if err == scard.ErrTimeout {
		c.lookAtUse(states)
	}
	if err == scard.ErrTimeout || err == scard.ErrCancelled {
		return nil
	}
	if err != nil {
		return pcscError("wait for readers", err)
	}
	for i := range states {
		states[i] = stateOf(raw[i])
	}
	return nil
}

// lookAtUse asks whether the cards are in use: pcsc-lite does not report that as a
// change, and scard returns no states without one.
func (c *scardContext) lookAtUse(states []readerState) {
	for i, s := range states {
		raw := []scard.ReaderState{{Reader: s.reader}}
		if s.present && c.ctx.GetStatusChange(raw, 0) == nil {
			states[i].inUse = stateOf(raw[0]).inUse
		}
	}
}

func stateOf(r scard.ReaderState) readerState {
	flags := r.EventState
	return readerState{
		reader:  r.Reader,
		raw:     uint32(flags &^ scard.StateChanged),
		present: flags&scard.StatePresent != 0,
		mute:    flags&scard.StateMute != 0,
		inUse:   flags&(scard.StateInuse|scard.StateExclusive) != 0,
		inserts: uint16(flags >> 16),
		unknown: flags&(scard.StateUnknown|scard.StateIgnore) != 0,
	}
}

func (c *scardContext) cancel()  { _ = c.ctx.Cancel() }
func (c *scardContext) release() { _ = c.ctx.Release() }

func (c *scardContext) connect(reader string) (pcscCard, error) {
	card, err := c.ctx.Connect(reader, scard.ShareShared, scard.ProtocolAny)
	if err != nil {
		return nil, pcscError("connect", err)
	}
	s := &scardCard{card: card}
	switch card.ActiveProtocol() {
	case scard.ProtocolT0, scard.ProtocolT1:
	default:
		s.disconnect(false)
		err := fmt.Errorf("connect: protocol %d is neither T=0 nor T=1", card.ActiveProtocol())
		if card.ActiveProtocol() == scard.ProtocolUndefined {
			err = fmt.Errorf("%w: %w", ErrReset, err)
		}
		return nil, err
	}
	if status, err := card.Status(); err == nil {
		s.answer = bytes.Clone(status.Atr)
	}
	return s, nil
}

type scardCard struct {
	card   *scard.Card
	answer []byte // ATR
}

func (s *scardCard) t0() bool    { return s.card.ActiveProtocol() == scard.ProtocolT0 }
func (s *scardCard) atr() []byte { return s.answer }
func (s *scardCard) disconnect(reset bool) {
	how := scard.LeaveCard
	if reset {
		how = scard.ResetCard
	}
	_ = s.card.Disconnect(how)
}

func (s *scardCard) begin() error {
	return pcscError("begin transaction", s.card.BeginTransaction())
}
func (s *scardCard) end() error {
	return pcscError("end transaction", s.card.EndTransaction(scard.LeaveCard))
}

func (s *scardCard) transmit(command []byte) ([]byte, error) {
	if len(command) == 0 {
		return nil, fmt.Errorf("transmit: empty command")
	}
	response, err := s.card.Transmit(command)
	if err != nil {
		return nil, pcscError("transmit", err)
	}
	if len(response) < 2 {
		return nil, fmt.Errorf("transmit: %w during a command", ErrRemoved)
	}
	return bytes.Clone(response), nil // scard's buffer has 64 KiB each time
}

// pcscError wraps this package's error for err, and err itself.
func pcscError(what string, err error) error {
	code, ok := err.(scard.Error)
	if err == nil || !ok {
		return err
	}
	if meaning, ok := meanings[code]; ok {
		return fmt.Errorf("%s: %w (%w)", what, meaning, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

var meanings = map[scard.Error]error{
	scard.ErrNoService:         ErrNoService,
	scard.ErrServiceStopped:    ErrNoService,
	scard.ErrInvalidHandle:     ErrNoService, // the context died with the service
	scard.ErrShutdown:          ErrNoService,
	scard.ErrCommError:         ErrNoService, // pcsc-lite: the socket to the service broke
	scard.ErrInternalError:     ErrNoService,
	scard.ErrNoAccess:          ErrDenied,
	scard.ErrSecurityViolation: ErrDenied,
	scard.ErrRemovedCard:       ErrRemoved,
	scard.ErrNoSmartcard:       ErrRemoved,
	scard.ErrUnknownReader:     ErrRemoved,
	scard.ErrReaderUnavailable: ErrRemoved,
	scard.ErrResetCard:         ErrReset,
	// pcsc-lite announces a reset to the connected programs, resets the card and
	// unsets the protocol. A program that connects in between gets this error
	// instead; nothing was sent.
	scard.ErrProtoMismatch:    ErrReset,
	scard.ErrSharingViolation: ErrBusy,
	scard.ErrUnresponsiveCard: ErrNoAnswer,
	scard.ErrUnpoweredCard:    ErrNoAnswer,
}
