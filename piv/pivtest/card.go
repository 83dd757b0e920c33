package pivtest

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrRemoved: the card was pulled, or died, before it answered.
var ErrRemoved = errors.New("pivtest: card removed")

// Config of a new Card.
type Config struct {
	Character Character
	// Dir is where the card's keys, objects and tries are kept, so that it can
	// be taken up again. "": nowhere.
	Dir string
	// Serial is the serial number of a YubiKey; 0: a random one.
	Serial uint32
}

// A Card is one virtual card. Its methods may be called at any time, also
// while the card is at work.
type Card struct {
	character Character
	dir       string

	// turn orders the APDUs. It is taken before mu, and held while the card
	// waits for a touch or is slow; mu is not.
	turn sync.Mutex

	mu      sync.Mutex
	state   *state
	session session
	knobs   knobs
	counts  Counts
	log     []string
	touched time.Time     // the last touch, for policy "cached"
	touch   chan struct{} // receives a touch while the card waits for one, else nil
	gone    chan struct{} // closed when the card is pulled
}

// New makes a card, or takes up the one that was kept in cfg.Dir.
func New(cfg Config) (*Card, error) {
	c := &Card{character: cfg.Character, dir: cfg.Dir, gone: make(chan struct{})}
	c.knobs.touchTimeout = touchTimeout
	found, err := c.load()
	if err != nil || found {
		return c, err
	}
	if err := c.manufacture(cfg.Serial); err != nil {
		return nil, fmt.Errorf("pivtest: make card: %w", err)
	}
	return c, c.save()
}

// Character is what the card plays.
func (c *Card) Character() Character { return c.character }

// ATR is the card's answer to reset.
func (c *Card) ATR() []byte { return c.character.ATR }

// PowerOn starts the card, or resets it: it forgets what was selected and verified.
func (c *Card) PowerOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = session{}
	c.counts.PowerOns++
	select {
	case <-c.gone:
		c.gone = make(chan struct{})
	default:
	}
}

// PowerOff stops the card as if it were pulled: what it is at work on ends
// with ErrRemoved.
func (c *Card) PowerOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off()
}

// off is PowerOff. mu is held.
func (c *Card) off() {
	c.session, c.touched = session{}, time.Time{}
	select {
	case <-c.gone:
	default:
		close(c.gone)
	}
}

// Transmit gives the card one command APDU and returns its answer, status word
// included. The error is ErrRemoved.
func (c *Card) Transmit(apdu []byte) ([]byte, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	if err := c.arrive(apdu); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := c.answer(apdu)
	c.record("< " + logAnswer(answer))
	if meant(&c.knobs.dieAfter, apdu) {
		c.off()
	}
	if c.pulled() {
		return nil, ErrRemoved
	}
	if err := c.save(); err != nil {
		c.record("! " + err.Error())
		return status(swFault), nil
	}
	return answer, nil
}

// pulled tells whether the card is out. mu is held.
func (c *Card) pulled() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}
