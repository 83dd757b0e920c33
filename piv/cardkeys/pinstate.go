package cardkeys

import (
	"bytes"
	"sync"
	"time"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
)

// pinState is the PIN of one card, from its insertion to its removal.
type pinState struct {
	mu     sync.Mutex // guards what follows
	pin    []byte     // in locked memory; nil: not kept
	free   func()
	until  time.Time // by the wall clock, which runs on during a suspend
	timer  *time.Timer
	epoch  int  // counts the drops
	proven bool // the card has proved that it is the one we know

	asking gate
}

// pinOf returns the PIN state of an inserted card.
func (s *Source) pinOf(handle *piv.Handle) *pinState {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.pins[handle]
	if state == nil {
		state = &pinState{}
		s.pins[handle] = state
	}
	return state
}

// keep keeps a PIN that the card accepted, for the given time. It was asked for at
// epoch: if the PINs were dropped since, as by a lock, it is not kept.
func (p *pinState) keep(pin []byte, duration time.Duration, epoch int) (kept bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if duration <= 0 || epoch != p.epoch {
		return false
	}
	p.dropLocked()
	p.pin, p.free = platform.LockedAlloc(len(pin))
	copy(p.pin, pin)
	p.until = time.Now().Add(duration).Round(0)
	p.timer = time.AfterFunc(duration, p.drop)
	return true
}

// get returns a copy of the PIN, which the caller wipes; nil if none is kept.
func (p *pinState) get() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pin != nil && !time.Now().Round(0).Before(p.until) {
		p.dropLocked()
	}
	return bytes.Clone(p.pin)
}

// kept returns when the PIN will be dropped; zero if none is kept.
func (p *pinState) kept() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pin == nil {
		return time.Time{}
	}
	return p.until
}

func (p *pinState) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropLocked()
}

func (p *pinState) drops() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch
}

func (p *pinState) dropLocked() {
	p.epoch++
	if p.pin != nil {
		p.timer.Stop()
		p.free()
		p.pin, p.free = nil, nil
	}
}

func (p *pinState) isProven() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proven
}

func (p *pinState) setProven() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.proven = true
}
