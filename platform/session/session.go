// Package session reports when the person goes away: the screen is locked, the machine
// sleeps, the desktop session ends.
package session

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/platform/bus"
)

// Kind is what happened.
type Kind string

// The kinds of events. Their texts are reasons in the audit log.
const (
	Lock    Kind = "the screen was locked"
	Unlock  Kind = "the screen was unlocked"
	Suspend Kind = "the machine went to sleep"
	Resume  Kind = "the machine woke up"
	End     Kind = "the session on the desktop ended"
)

// Event is one thing that happened, and who said so.
type Event struct {
	Kind   Kind
	Source string // "logind", "org.gnome.ScreenSaver", "the clock"
	Again  bool   // Lock: the screen counted as locked already
}

// Config is what a Watcher works with. Only On is needed.
type Config struct {
	// On is called for one event at a time. Sleep waits for its return, for as
	// long as logind lets it (InhibitDelayMaxSec, usually five seconds).
	On      func(Event)
	Log     *slog.Logger           // nil: slog.Default()
	System  func() (string, error) // address of the system bus; nil: bus.System
	Session func() (string, error) // address of the session bus; nil: bus.Session
	Asleep  func() time.Duration   // how long the machine has slept since it started; nil: the system's clocks
	Tick    time.Duration          // how often Asleep is looked at; 0: clockTick, or wokenTick
}

// Watcher watches the session from Run's start to its end.
type Watcher struct {
	Config
	calling sync.Mutex // held while On is called; guards nothing else

	mu     sync.Mutex        // guards the fields that follow
	notes  map[string]string // by part: what it cannot see
	locked map[string]bool   // by source: whether it reports a locked screen
	slept  time.Duration     // what Asleep returned last
}

// New makes a watcher; Run starts it.
func New(config Config) *Watcher {
	w := &Watcher{Config: config, notes: blind(), locked: map[string]bool{}}
	if w.Log == nil {
		w.Log = slog.Default()
	}
	if w.System == nil {
		w.System = bus.System
	}
	if w.Session == nil {
		w.Session = bus.Session
	}
	if w.Asleep == nil {
		w.Asleep = asleep
	}
	w.slept = w.Asleep()
	return w
}

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { w.watchClock(ctx) })
	parts.Go(func() { w.watchDesktop(ctx) })
	parts.Wait()
}

// Status is the watcher's current knowledge.
type Status struct {
	Locked bool     // whether any source reports a locked screen
	Notes  []string // what is not noticed, and why
}

// Status returns the state at this moment.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Status{Locked: len(w.locked) > 0, Notes: slices.Sorted(maps.Values(w.notes))}
}

// note records what a part cannot see; "": it sees everything again.
func (w *Watcher) note(part, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if text == w.notes[part] {
		return
	}
	w.notes[part] = text
	if text == "" {
		delete(w.notes, part)
		text = "is watched"
	}
	w.Log.Debug("session", "part", part, "state", text)
}

func (w *Watcher) emit(kind Kind, source string) {
	w.calling.Lock()
	defer w.calling.Unlock()
	w.On(Event{Kind: kind, Source: source})
}

// lockedBy records that source reports a locked or unlocked screen. "Locked" always
// counts: a second Lock costs nothing, and a missed one leaves keys open. "Unlocked"
// counts only from the source that reported the lock.
func (w *Watcher) lockedBy(source string, locked bool) {
	w.mu.Lock()
	before, known := len(w.locked) > 0, w.locked[source]
	if locked {
		w.locked[source] = true
	} else {
		delete(w.locked, source)
	}
	after := len(w.locked) > 0
	w.mu.Unlock()
	w.calling.Lock()
	defer w.calling.Unlock()
	switch {
	case locked:
		w.On(Event{Kind: Lock, Source: source, Again: before})
	case known && !after:
		w.On(Event{Kind: Unlock, Source: source})
	}
}
