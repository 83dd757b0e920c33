// Package cardkeys is the keys.Source of PIV cards: it lists the keys of the
// cards that are in, remembers those of cards that are out, and asks the person
// for what a card wants before it signs: to be put in, its PIN, a touch.
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

// DefaultWait is how long a signature waits for its card to be put in.
const DefaultWait = time.Minute

// releaseLimit is how long Forget waits for cards: logind gives five seconds
// before it sleeps (InhibitDelayMaxSec), and an agent that is locked should answer.
const releaseLimit = time.Second

// Config is what a Source works with.
type Config struct {
	File     string        // cards are remembered here; "": only until the end
	PINCache time.Duration // how long a PIN is kept; 0: it is asked each time
	Wait     time.Duration // for a card to be put in; 0: DefaultWait
	Rules    []Rule        // which keys are listed

	// Person is asked for PINs, and told of a card to put in and of a touch.
	Person keys.Person
	// Changed is told of cards that came, went or changed; it must return at once. nil: nobody is.
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

// New starts to watch the readers. It returns at once: cards are listed as
// they are read. A file of remembered cards that cannot be read is an error.
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
	ready := make(chan struct{}) // events may come before readers is set
	s.readers = piv.Watch(piv.Config{Event: func(event piv.Event) { <-ready; s.event(event) }})
	close(ready)
	return s, nil
}

// Close lets all cards go and forgets their PINs.
func (s *Source) Close() error {
	err := s.readers.Close()
	s.Forget()
	s.keeper.close()
	return err
}

// Name implements keys.Source.
func (s *Source) Name() string { return "cards" }

// List implements keys.Source: the keys of cards that are in, then those of
// cards that are out, with a State that says so. The slice is shared.
func (s *Source) List() []keys.Info { return s.inventory().infos }

// Find implements keys.Source.
func (s *Source) Find(blob []byte) (keys.Info, bool) {
	found, ok := s.inventory().find(blob)
	return found.info, ok
}

// Forget implements keys.Forgetter: PINs are dropped and cards let go. It returns
// when they are, as the machine may sleep next, or soon.
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

// dropPINs returns the cards that they are of.
func (s *Source) dropPINs() []*piv.Handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	var of []*piv.Handle
	for handle, pin := range s.pins {
		pin.drop()
		of = append(of, handle)
	}
	return of
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
	if err == nil && r.consent == "" { // never: a fault here must not sign unasked
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

// event takes over what Readers tells. The inventory is made anew from what is
// in now, so that a lost or late event does no harm.
func (s *Source) event(event piv.Event) {
	if event.Kind == piv.CardIn || event.Kind == piv.CardChanged {
		s.keeper.seen(event.Handle.Token(), s.cfg.Rules)
	}
	s.rebuild()
	s.warnOfHeld()
	s.cfg.Changed()
}

// warnOfHeld tells the log of cards that another program can use with our PIN.
func (s *Source) warnOfHeld() {
	for _, handle := range s.inventory().cards {
		if handle.HeldOpen() {
			s.cfg.Log.Warn("the PIN cannot be taken back: another program holds the card, and can sign with it",
				"card", handle.Token().Name(), "remedy", "end that program, or pull the card out")
		}
	}
}

func (s *Source) rebuild() { s.adopt(s.take(s.readers.Cards())) }

// adopt drops the PINs of the cards that are not in now.
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

// waitChange returns the inventory and a channel that is closed when there is
// another one.
func (s *Source) waitChange() (*inventory, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known, s.changed
}
