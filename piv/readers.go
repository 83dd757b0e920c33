package piv

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Config configures Readers.
type Config struct {
	// Event is called for each event, one at a time and in order, by goroutines
	// of Readers. It must return at once and must not call Close. State may be
	// slightly ahead of it. Optional.
	Event func(Event)
}

// Readers watches the readers of this machine. Use only one per process.
type Readers struct {
	cfg    Config
	system system
	ctx    context.Context
	stop   context.CancelFunc
	tasks  sync.WaitGroup
	events sync.Mutex // orders changes with their events; taken before mu

	exchanges exchanges // of all Handles

	mu struct {
		sync.Mutex
		service Service
		why     string
		readers map[string]*reader
		lanes   map[string]chan struct{} // by reader; see serve
	}
}

// reader is one reader, guarded by Readers.mu.
type reader struct {
	inserts uint16
	present bool
	state   CardState
	problem string
	handle  *Handle // of the inserted card, if it may be a PIV card
	told    bool    // CardIn was sent for handle

	inUse    bool   // some program is connected to the card
	connects uint64 // the session's, when the card was last free
}

// Watch starts to watch the readers. The smartcard service may start later: until
// then State says that there is none.
func Watch(cfg Config) *Readers { return watch(cfg, service{}, pace{waitLimit, answerLimit}) }

func watch(cfg Config, system system, pace pace) *Readers {
	r := &Readers{cfg: cfg, system: system}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.mu.service, r.mu.readers, r.mu.lanes = ServiceStarting, map[string]*reader{}, map[string]chan struct{}{}
	r.tasks.Go(newWatcher(r, pace).run)
	return r
}

// closeLimit bounds Close if the smartcard service hangs.
const closeLimit = 2 * time.Second

// Close releases all cards. If the smartcard service hangs, Close returns an error
// after closeLimit, and the hanging calls end with the service.
func (r *Readers) Close() error {
	r.stop()
	done := make(chan struct{})
	go func() { r.tasks.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-time.After(closeLimit):
		return ErrNoAnswer
	}
}

// Cards lists the inserted PIV cards, sorted by reader name.
func (r *Readers) Cards() []*Handle {
	var all []*Handle
	r.each(func(_ string, reader *reader) {
		if reader.state == ReaderPIV {
			all = append(all, reader.handle)
		}
	})
	return all
}

// Find returns the inserted card with this Token.ID, or nil.
func (r *Readers) Find(id string) *Handle {
	for _, h := range r.Cards() {
		if h.Token().ID == id {
			return h
		}
	}
	return nil
}

// State returns the state of the service and the readers.
func (r *Readers) State() State {
	var state State
	r.mu.Lock() // before the readers: if the service runs, they are known
	state.Service, state.Why = r.mu.service, r.mu.why
	r.mu.Unlock()
	r.each(func(name string, reader *reader) {
		one := ReaderInfo{Reader: name, State: reader.state, Problem: reader.problem}
		if reader.state == ReaderPIV {
			one.Token = reader.handle.Token()
		}
		state.Readers = append(state.Readers, one)
	})
	return state
}

func (r *Readers) each(visit func(string, *reader)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, 0, len(r.mu.readers))
	for name := range r.mu.readers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		visit(name, r.mu.readers[name])
	}
}

// change makes a change and reports its events, in the order of the changes.
func (r *Readers) change(make func() []Event) {
	r.events.Lock()
	defer r.events.Unlock()
	r.mu.Lock()
	events := make()
	r.mu.Unlock()
	for _, event := range events {
		if r.cfg.Event != nil {
			r.cfg.Event(event)
		}
	}
}

func (r *Readers) setService(now Service, why string) {
	r.change(func() []Event {
		if r.mu.service == now && r.mu.why == why {
			return nil
		}
		r.mu.service, r.mu.why = now, why
		return []Event{{Kind: StateChange}}
	})
}
