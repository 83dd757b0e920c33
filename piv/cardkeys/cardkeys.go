// Package cardkeys is the keys.Source of PIV cards. It lists the keys of inserted
// cards, remembers the keys of removed ones, and asks the person for what a
// signature needs: the card, its PIN, a touch.
package cardkeys

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv"
)

// DefaultWait is how long a signature waits for its card to be inserted.
const DefaultWait = time.Minute

// releaseLimit is how long Forget waits for the release of cards: logind allows
// five seconds before sleep (InhibitDelayMaxSec), and locking should not take long.
const releaseLimit = time.Second

// Config configures a Source.
type Config struct {
	File     string        // remembers cards; "": memory only
	PINCache time.Duration // how long a PIN is kept; 0: ask each time
	Wait     time.Duration // for a card to be inserted; 0: DefaultWait
	Rules    []Rule        // which keys are listed

	// Person is asked for PINs, and notified of a missing card and of a touch.
	Person keys.Person
	// Changed is called when a card came, went or changed; it must return at once. Optional.
	Changed func()
	Log     *slog.Logger // nil: slog.Default()
}

// Source implements keys.Source, keys.Asker, keys.Rechecker and keys.Forgetter.
type Source struct {
	cfg     Config
	readers *piv.Readers
	keeper  *keeper

	mu      sync.Mutex // guards what follows; never held over a card or a prompt
	known   *inventory // never changed once made
	changed chan struct{}
	pins    map[*piv.Handle]*pinState
	absent  map[string]*gate // by card's name
}

var (
	_ keys.Source    = (*Source)(nil)
	_ keys.Asker     = (*Source)(nil)
	_ keys.Rechecker = (*Source)(nil)
	_ keys.Forgetter = (*Source)(nil)
)

// New starts to watch the readers and returns at once: cards are listed as they
// are read. It fails if the file of remembered cards cannot be read.
func New(cfg Config) (*Source, error) {
	if cfg.Wait <= 0 {
		cfg.Wait = DefaultWait
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	keeper, err := openKeeper(cfg.File, cfg.Log)
	if err != nil {
		return nil, err
	}
	s := &Source{cfg: cfg, keeper: keeper, changed: make(chan struct{}), pins: map[*piv.Handle]*pinState{}, absent: map[string]*gate{}}
	s.known = s.take(nil)
	ready := make(chan struct{}) // holds events back until s.readers is set
	s.readers = piv.Watch(piv.Config{Event: func(event piv.Event) { <-ready; s.event(event) }})
	close(ready)
	return s, nil
}

// Close releases all cards and forgets their PINs.
func (s *Source) Close() error {
	err := s.readers.Close()
	s.Forget()
	s.keeper.close()
	return err
}

// Name implements keys.Source.
func (s *Source) Name() string { return "cards" }

// List implements keys.Source: the keys of inserted cards, then those of removed
// cards, whose State says so. The slice is shared.
func (s *Source) List() []keys.Info { return s.inventory().infos }

// Find implements keys.Source.
func (s *Source) Find(blob []byte) (keys.Info, bool) {
	found, ok := s.inventory().find(blob)
	return found.info, ok
}

// Forget implements keys.Forgetter: it drops the PINs and releases the cards. It
// waits for the release, because the machine may sleep next, but not for long.
func (s *Source) Forget() {
	var all sync.WaitGroup
	for _, handle := range s.dropPINs() {
		all.Go(handle.Release)
	}
	free := make(chan struct{})
	go func() { defer close(free); all.Wait() }()
	select {
	case <-free:
	case <-time.After(releaseLimit):
	}
}

// dropPINs drops all PINs and returns their cards.
func (s *Source) dropPINs() []*piv.Handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	var handles []*piv.Handle
	for handle, pin := range s.pins {
		pin.drop()
		handles = append(handles, handle)
	}
	return handles
}

// Sign implements keys.Source.
func (s *Source) Sign(ctx context.Context, use *keys.Use, data []byte, algorithm string) (*ssh.Signature, error) {
	signature, err := s.sign(ctx, &request{use: use, data: data, algorithm: algorithm})
	if err != nil {
		return nil, err
	}
	return signature, nil
}

// SignAsking implements keys.Asker.
func (s *Source) SignAsking(ctx context.Context, use *keys.Use, why string, data []byte, algorithm string) (*ssh.Signature, string, error) {
	r := &request{use: use, why: why, data: data, algorithm: algorithm, asking: true}
	signature, err := s.sign(ctx, r)
	if err == nil && r.consent == "" { // cannot happen: a bug must not sign without asking
		clear(signature.Blob)
		err = errors.New("nobody was asked")
	}
	if err != nil {
		return nil, "", err
	}
	return signature, r.consent, nil
}

func (s *Source) inventory() *inventory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

// event handles an event of Readers. It rebuilds the inventory from the inserted
// cards, so that a lost or late event does no harm.
func (s *Source) event(event piv.Event) {
	if event.Kind == piv.CardIn || event.Kind == piv.CardChanged {
		s.keeper.seen(event.Handle.Token(), s.cfg.Rules)
	}
	s.rebuild()
	s.warnOfHeld()
	s.cfg.Changed()
}

// warnOfHeld logs the cards that another program can use with our PIN.
func (s *Source) warnOfHeld() {
	for _, handle := range s.inventory().cards {
		if handle.HeldOpen() {
			s.cfg.Log.Warn("the PIN cannot be taken back: another program holds the card, and can sign with it",
				"card", handle.Token().Name(), "remedy", "end that program, or pull the card out")
		}
	}
}

func (s *Source) rebuild() { s.adopt(s.take(s.readers.Cards())) }

// adopt makes now the inventory, and drops the PINs of removed cards.
func (s *Source) adopt(now *inventory) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for handle, pin := range s.pins {
		if !now.has(handle) {
			pin.drop()
			delete(s.pins, handle)
		}
	}
	s.known = now
	close(s.changed)
	s.changed = make(chan struct{})
}

// waitChange returns the inventory and a channel that is closed when it changes.
func (s *Source) waitChange() (*inventory, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known, s.changed
}
