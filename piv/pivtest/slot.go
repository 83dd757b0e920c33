package pivtest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// pause is between two connections: pcscd may ask for the ATR before it takes
// the power away from a card, and look whether one is there right after.
const pause = 20 * time.Millisecond

// errUnseen: pcscd took a new connection for the card that it had before.
var errUnseen = errors.New("pivtest: the card was exchanged unseen")

// A Slot is a card reader's slot: one of vpcd's TCP ports. A connection to it
// is a card in the slot; pcscd looks every 400 ms.
type Slot struct {
	// Reader is the name of the slot as pcscd gives it to programs.
	Reader string

	dial func() (net.Conn, error)

	mu   sync.Mutex
	plug *plug // the card that is or was last in
}

// plug is one card's stay in a slot.
type plug struct {
	card *Card
	out  context.CancelFunc // pulls it
	gone context.Context    // ends when it was pulled, or died
	done chan struct{}      // closed when its connection is
	// looked: it hung up when asked for the ATR. Valid once done is closed.
	looked bool
}

// NewSlot is the slot at vpcd's address, such as "127.0.0.1:35963", of a pcscd
// that was not started by a Rig.
func NewSlot(address string) *Slot {
	return &Slot{Reader: address, dial: func() (net.Conn, error) { return net.Dial("tcp", address) }}
}

// Insert puts a card into the slot; pcscd sees it within half a second. After
// Remove it waits until pcscd has seen the slot empty, so that pcscd never misses an
// exchange. The card stays in while pcscd is stopped.
func (s *Slot) Insert(ctx context.Context, card *Card) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.plug; p != nil {
		if p.gone.Err() == nil {
			return errors.New("pivtest: there is a card in the slot")
		}
		select {
		case <-p.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if !p.looked {
			if err := s.showEmpty(ctx); err != nil {
				return err
			}
		}
	}
	p := &plug{card: card, done: make(chan struct{})}
	p.gone, p.out = context.WithCancel(context.Background())
	s.plug = p
	go p.stay(s.dial)
	return nil
}

// Remove pulls the card, in the middle of an APDU too. It returns the card;
// nil: there was none.
func (s *Slot) Remove() *Card {
	s.mu.Lock()
	defer s.mu.Unlock()
	card := s.cardLocked()
	if card != nil {
		s.plug.out()
		card.PowerOff()
	}
	return card
}

// Card is the card in the slot; nil: none.
func (s *Slot) Card() *Card {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cardLocked()
}

func (s *Slot) cardLocked() *Card {
	if s.plug == nil || s.plug.gone.Err() != nil {
		return nil
	}
	return s.plug.card
}

// wait returns when the last card's connection is closed.
func (s *Slot) wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plug != nil {
		<-s.plug.done
	}
}

// stay keeps the card connected until it is pulled or dies.
func (p *plug) stay(dial func() (net.Conn, error)) {
	defer close(p.done)
	for p.gone.Err() == nil {
		time.Sleep(pause)
		conn, err := dial()
		if err != nil {
			p.looked = true // nobody there: pcscd begins anew
			continue
		}
		err = p.serve(conn)
		conn.Close()
		if errors.Is(err, ErrRemoved) {
			p.out()
		}
	}
}

// serve plays the card until it is pulled or pcscd hangs up. A pulled card
// hangs up when it is next spoken to, which is soon: pcscd looks for it.
func (p *plug) serve(conn net.Conn) error {
	p.card.PowerOn()
	powered := false
	for n := 1; ; n++ {
		m, err := readMessage(conn)
		if err != nil {
			p.looked = errors.Is(err, io.EOF)
			return err
		}
		p.looked = m.is(vpcdATR)
		powered = powered || m.is(vpcdOn)
		switch {
		case p.gone.Err() != nil:
			return ErrRemoved
		case !powered && (n > 2 || !p.looked):
			// A card that comes is asked for its ATR twice, then gets power.
			return errUnseen
		}
		if err := p.answer(conn, m); err != nil {
			return err
		}
	}
}

func (p *plug) answer(conn net.Conn, m reading) error {
	answer, err := p.card.react(m)
	if err != nil || answer == nil {
		return err
	}
	return writeMessage(conn, answer)
}

// showEmpty returns when pcscd has looked for a card and found none: it gets a
// connection that hangs up when asked for the ATR.
func (s *Slot) showEmpty(ctx context.Context) error {
	return poll(ctx, func() bool {
		conn, err := s.dial()
		if err != nil {
			return false
		}
		defer conn.Close()
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		defer stop()
		m, err := readMessage(conn)
		return err == nil && m.is(vpcdATR)
	})
}
