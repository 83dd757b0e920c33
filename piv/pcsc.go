//go:build !nopcsc && ((linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64)) || ((darwin || windows) && (amd64 || arm64)))

package piv

import (
	"errors"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/piv/pcsc"
)

// CompiledIn reports whether this program can talk to cards at all.
const CompiledIn = pcsc.Compiled

// service is the system's PC/SC service.
type service struct{}

func (service) establish() (pcscContext, error) {
	ctx, err := pcsc.Establish()
	if err != nil {
		return nil, pcscError("establish context", err)
	}
	return &serviceContext{ctx}, nil
}

type serviceContext struct{ ctx *pcsc.Context }

func (c *serviceContext) readers() ([]string, error) {
	names, err := c.ctx.Readers()
	return names, pcscError("list readers", err)
}

func (c *serviceContext) wait(states []readerState, timeout time.Duration) error {
	raw := make([]pcsc.ReaderState, len(states))
	for i, s := range states {
		raw[i] = pcsc.ReaderState{Reader: s.reader, Current: s.raw}
	}
	switch err := c.ctx.Wait(raw, timeout); err {
	case nil:
		for i := range states {
			states[i] = stateOf(raw[i])
		}
	case pcsc.ErrTimeout:
		c.lookAtUse(states)
	case pcsc.ErrCancelled:
	default:
		return pcscError("wait for readers", err)
	}
	return nil
}

// lookAtUse asks whether the cards are in use: pcsc-lite does not report that as a
// change.
func (c *serviceContext) lookAtUse(states []readerState) {
	for i, s := range states {
		raw := []pcsc.ReaderState{{Reader: s.reader}}
		if s.present && c.ctx.Wait(raw, 0) == nil {
			states[i].inUse = stateOf(raw[0]).inUse
		}
	}
}

func stateOf(r pcsc.ReaderState) readerState {
	flags := r.Event
	return readerState{
		reader:    r.Reader,
		raw:       flags &^ pcsc.StateChanged,
		present:   flags&pcsc.StatePresent != 0,
		mute:      flags&pcsc.StateMute != 0,
		inUse:     flags&(pcsc.StateInUse|pcsc.StateExclusive) != 0,
		exclusive: flags&pcsc.StateExclusive != 0,
		inserts:   uint16(flags >> 16),
		unknown:   flags&(pcsc.StateUnknown|pcsc.StateIgnore) != 0,
	}
}

func (c *serviceContext) cancel()  { _ = c.ctx.Cancel() }
func (c *serviceContext) release() { _ = c.ctx.Release() }

func (c *serviceContext) connect(reader string) (pcscCard, error) {
	card, err := c.ctx.Connect(reader, pcsc.Shared, pcsc.ProtocolAny)
	if err != nil {
		return nil, pcscError("connect", err)
	}
	s := &serviceCard{card: card}
	switch card.Protocol() {
	case pcsc.ProtocolT0, pcsc.ProtocolT1:
	default:
		s.disconnect(false)
		err := fmt.Errorf("connect: protocol %d is neither T=0 nor T=1", card.Protocol())
		if card.Protocol() == 0 {
			err = fmt.Errorf("%w: %w", ErrReset, err)
		}
		return nil, err
	}
	s.answer, _ = card.ATR()
	return s, nil
}

type serviceCard struct {
	card   *pcsc.Card
	answer []byte // ATR
}

func (s *serviceCard) t0() bool    { return s.card.Protocol() == pcsc.ProtocolT0 }
func (s *serviceCard) atr() []byte { return s.answer }
func (s *serviceCard) disconnect(reset bool) {
	disposition := uint32(pcsc.LeaveCard)
	if reset {
		disposition = pcsc.ResetCard
	}
	_ = s.card.Disconnect(disposition)
}

func (s *serviceCard) begin() error { return pcscError("begin transaction", s.card.Begin()) }
func (s *serviceCard) end() error {
	return pcscError("end transaction", s.card.End(pcsc.LeaveCard))
}

func (s *serviceCard) transmit(command []byte) ([]byte, error) {
	response, err := s.card.Transmit(command)
	if err != nil {
		return nil, pcscError("transmit", err)
	}
	if len(response) < 2 {
		return nil, fmt.Errorf("transmit: %w during a command", ErrRemoved)
	}
	return response, nil
}

// pcscError wraps this package's error for err, and err itself.
func pcscError(what string, err error) error {
	code, ok := err.(pcsc.Error)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pcsc.ErrLibrary):
		return fmt.Errorf("%w: %w", ErrNoLibrary, err)
	case !ok:
		return err
	}
	if meaning, ok := meanings[code]; ok {
		return fmt.Errorf("%s: %w (%w)", what, meaning, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

var meanings = map[pcsc.Error]error{
	pcsc.ErrNoService:         ErrNoService,
	pcsc.ErrServiceStopped:    ErrNoService,
	pcsc.ErrInvalidHandle:     ErrNoService, // the context died with the service
	pcsc.ErrShutdown:          ErrNoService,
	pcsc.ErrCommunication:     ErrNoService, // pcsc-lite: the socket to the service broke
	pcsc.ErrInternal:          ErrNoService,
	pcsc.ErrNoAccess:          ErrDenied,
	pcsc.ErrSecurityViolation: ErrDenied,
	pcsc.ErrRemoved:           ErrRemoved,
	pcsc.ErrNoSmartcard:       ErrRemoved,
	pcsc.ErrUnknownReader:     ErrRemoved,
	pcsc.ErrReaderUnavailable: ErrRemoved,
	pcsc.ErrReset:             ErrReset,
	// pcsc-lite announces a reset to the connected programs, resets the card and
	// unsets the protocol. A program that connects in between gets this error
	// instead; nothing was sent.
	pcsc.ErrProtocolMismatch: ErrReset,
	pcsc.ErrSharingViolation: ErrBusy,
	pcsc.ErrUnresponsive:     ErrNoAnswer,
	pcsc.ErrUnpowered:        ErrNoAnswer,
}
