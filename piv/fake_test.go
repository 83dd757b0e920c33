package piv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// fakePCSC is a smartcard service for what the real one cannot be made to do
// at will: hang in one call, have no notifications, be a thousand times as fast.
type fakePCSC struct {
	mu       sync.Mutex
	changed  chan struct{} // closed and renewed with each change
	readers  []string
	cards    map[string]Card
	inserts  map[string]uint16
	noPnP    bool
	down     error
	stuck    map[string]chan struct{} // by call: closed to go on
	hung     bool                     // a call
	contexts int                      // that are open
	handles  int
	connects int  // that were made ever
	others   bool // another program is connected
	resets   int  // so many commands meet another program's reset
}

func newFake(readers ...string) *fakePCSC {
	return &fakePCSC{changed: make(chan struct{}), readers: readers,
		cards: map[string]Card{}, inserts: map[string]uint16{}, stuck: map[string]chan struct{}{}}
}

// change makes a change and wakes up who waits.
func (f *fakePCSC) change(make_ func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	make_()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakePCSC) insert(reader string, card Card) {
	f.change(func() { f.cards[reader] = card; f.inserts[reader]++ })
}

func (f *fakePCSC) remove(reader string) {
	f.change(func() { delete(f.cards, reader); f.inserts[reader]++ })
}

// hang makes a call hang until the returned function is called.
func (f *fakePCSC) hang(call string) (goOn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	gate := make(chan struct{})
	f.stuck[call] = gate
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.stuck, call)
		close(gate)
	}
}

// hangs reports whether a call hangs, or has hung.
func (f *fakePCSC) hangs() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hung
}

func (f *fakePCSC) enter(call string) error {
	f.mu.Lock()
	gate, down := f.stuck[call], f.down
	if gate != nil {
		f.hung = true
	}
	f.mu.Unlock()
	if gate != nil {
		<-gate
	}
	return down
}

func (f *fakePCSC) open() (contexts, handles int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.contexts, f.handles
}

func (f *fakePCSC) made() (connects int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.connects
}

func (f *fakePCSC) arrival() (*arrival, error) {
	return nil, errors.New("a fake has no directory")
}

func (f *fakePCSC) establish() (pcscContext, error) {
	if err := f.enter("establish"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.contexts++
	return &fakeContext{fakePCSC: f, cancelled: make(chan struct{}, 1)}, nil
}

type fakeContext struct {
	*fakePCSC
	cancelled chan struct{}
}

func (c *fakeContext) readersNow() []string { return slices.Clone(c.fakePCSC.readers) }

func (c *fakeContext) wait(states []readerState, timeout time.Duration) error {
	if err := c.enter("wait"); err != nil {
		return err
	}
	end := time.After(timeout)
	for {
		c.mu.Lock()
		changed, err := c.look(states)
		wake := c.changed
		c.mu.Unlock()
		if changed || err != nil {
			return err
		}
		select {
		case <-wake:
		case <-end:
			return nil
		case <-c.cancelled:
			return nil
		}
	}
}

// look fills states in, and says whether there is news. mu is held.
func (c *fakeContext) look(states []readerState) (news bool, err error) {
	if c.down != nil {
		return false, c.down
	}
	for i, s := range states {
		now := readerState{reader: s.reader}
		switch {
		case s.reader == pnpReader && c.noPnP:
			return false, fmt.Errorf("wait: %w", ErrRemoved)
		case s.reader == pnpReader:
			now.raw = uint32(len(c.fakePCSC.readers)) + 1
		case !slices.Contains(c.fakePCSC.readers, s.reader):
			return false, fmt.Errorf("wait: %w", ErrRemoved)
		default:
			now.present, now.inserts, now.inUse = c.cards[s.reader] != nil, c.inserts[s.reader], c.others
			now.raw = 1<<31 | uint32(now.inserts)
			if c.others {
				now.raw |= 1 << 30
			}
		}
		news = news || now.raw != s.raw
		states[i] = now
	}
	return news, nil
}

func (c *fakeContext) readers() ([]string, error) {
	if err := c.enter("readers"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readersNow(), nil
}

func (c *fakeContext) cancel() {
	select {
	case c.cancelled <- struct{}{}:
	default:
	}
}

func (c *fakeContext) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.contexts--
}

func (c *fakeContext) connect(reader string) (pcscCard, error) {
	if err := c.enter("connect"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	card := c.cards[reader]
	if card == nil {
		return nil, fmt.Errorf("connect: %w", ErrRemoved)
	}
	c.handles++
	c.connects++
	return &fakeHandle{fakePCSC: c.fakePCSC, reader: reader, Card: card}, nil
}

type fakeHandle struct {
	*fakePCSC
	Card
	reader string
}

// there fails when this card is not in this reader any more.
func (h *fakeHandle) there() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cards[h.reader] != h.Card {
		return fmt.Errorf("transmit: %w", ErrRemoved)
	}
	return nil
}

func (h *fakeHandle) begin() error {
	if err := h.enter("begin"); err != nil {
		return err
	}
	return h.there()
}

func (h *fakeHandle) end() error { return h.enter("end") }

func (h *fakeHandle) transmit(command []byte) ([]byte, error) {
	if err := h.enter("transmit"); err != nil {
		return nil, err
	}
	if err := h.there(); err != nil {
		return nil, err
	}
	if h.wasReset() {
		return nil, fmt.Errorf("transmit: %w", ErrReset)
	}
	return h.Transmit(context.Background(), command)
}

func (f *fakePCSC) wasReset() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resets--
	return f.resets >= 0
}

// reset makes the next commands meet a reset.
func (f *fakePCSC) reset(times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resets = times
}

func (h *fakeHandle) t0() bool    { return newLink(h.Card).t0 }
func (h *fakeHandle) atr() []byte { return h.Card.(interface{ ATR() []byte }).ATR() }

func (h *fakeHandle) disconnect(reset bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handles--
	if power, ok := h.Card.(interface{ reset() }); ok && reset {
		power.reset()
	}
}

// silent is a card that knows no application at all.
type silent struct{ answer []byte }

func (silent) ATR() []byte { return nil }
func (s *silent) Transmit(context.Context, []byte) ([]byte, error) {
	return slices.Clone(s.answer), nil
}

// oldCAC knows the CAC applet and no other.
type oldCAC struct{ silent }

func (o *oldCAC) Transmit(_ context.Context, apdu []byte) ([]byte, error) {
	if apdu[1] == insSelect && slices.Equal(apdu[5:10], aidCAC[0][:5]) {
		return []byte{0x90, 0x00}, nil
	}
	return []byte{0x6A, 0x82}, nil
}
