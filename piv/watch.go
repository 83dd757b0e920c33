package piv

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// How often the readers are looked at.
const (
	// waitLimit is how long one wait for a change may last. It costs a wake-up
	// each time, and bounds how late a service that hangs is noticed.
	waitLimit = 10 * time.Second
	// useInterval is how often it is looked whether another program uses a card that
	// is in: pcsc-lite tells of no such change. A shorter use may be missed.
	useInterval = time.Second
	// pollInterval is used where new readers are not announced (macOS): a card
	// must be listed within a second, and a YubiKey is a reader of its own.
	pollInterval = 500 * time.Millisecond
	// answerLimit is what the service may need for anything but a wait.
	answerLimit = 5 * time.Second
	// settle is the pause after a change that is none for us: each use of a
	// card, ours too, changes its reader's flags.
	settle = 25 * time.Millisecond
	// A service that is away is looked for again after backoffMin, then
	// backoffMax at the most.
	backoffMin = 50 * time.Millisecond
	backoffMax = time.Second
)

// watcher is the one goroutine that waits for readers and cards. Its worker
// makes the calls, and owns what is below it here.
type watcher struct {
	*Readers
	pace    pace
	worker  *worker
	waiting waiting

	context pcscContext
	states  []readerState
	pnp     readerState
	polling bool  // new readers are not announced
	err     error // of the last step
}

// pace is how patient a watcher is.
type pace struct{ wait, answer time.Duration }

func newWatcher(r *Readers, pace pace) *watcher {
	w := &watcher{Readers: r, pace: pace}
	w.worker = newWorker(w.forget)
	return w
}

func (w *watcher) run() {
	defer w.end()
	backoff := backoffMin
	for w.ctx.Err() == nil {
		states, err := w.look()
		switch {
		case w.ctx.Err() != nil:
			return
		case err == nil:
			backoff = backoffMin
			changed := w.apply(states) // first: who sees the service run sees its cards
			w.setService(ServiceRunning, "")
			if !changed {
				w.pause(settle)
			}
			continue
		}
		w.apply(nil)
		w.setService(serviceOf(err), err.Error())
		if errors.Is(err, ErrNotCompiledIn) {
			return
		}
		w.pause(backoff)
		backoff = min(2*backoff, backoffMax)
	}
}

// end lets everything go. A wait that goes on is cancelled again and again,
// because a cancel that comes right before the wait is lost.
func (w *watcher) end() {
	w.apply(nil)
	if w.ctx.Err() != nil {
		w.setService(ServiceClosed, "")
	}
	w.worker.close()
	for {
		w.waiting.cancel()
		select {
		case <-w.worker.done:
			return
		case <-time.After(settle):
		}
	}
}

// look returns the readers as they are after the next change. A service that
// hangs is reported, and then waited for: there is nothing to repeat.
func (w *watcher) look() ([]readerState, error) {
	var states []readerState
	var err error
	_, stopped := w.worker.call(w.ctx, w.pace.wait+w.pace.answer, func() {
		w.err = w.step()
		states, err = slices.Clone(w.states), w.err
	})
	if stopped == nil {
		return states, err
	}
	if !errors.Is(stopped, ErrNoAnswer) {
		return nil, stopped
	}
	w.setService(ServiceStuck, "")
	var late []readerState
	var lateErr error
	_, stopped = w.worker.call(w.ctx, 0, func() { late, lateErr = slices.Clone(w.states), w.err })
	if stopped != nil {
		return nil, stopped
	}
	return late, lateErr
}

// step is one list and one wait. It runs in the worker.
func (w *watcher) step() (err error) {
	defer func() {
		if err != nil {
			w.forget()
		}
	}()
	if w.context == nil {
		if w.context, err = w.system.establish(); err != nil {
			w.context = nil
			return err
		}
	}
	names, err := w.context.readers()
	if err != nil {
		return err
	}
	w.states = merge(w.states, names)
	return w.wait()
}

// merge keeps what is known of the readers that are still there.
func merge(known []readerState, names []string) []readerState {
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" || name == pnpReader })
	states := make([]readerState, 0, len(names))
	for _, name := range names[:min(len(names), maxReaders)] {
		state := readerState{reader: name}
		if i := slices.IndexFunc(known, func(s readerState) bool { return s.reader == name && !s.unknown }); i >= 0 {
			state = known[i]
		}
		states = append(states, state)
	}
	return states
}

// wait waits for a change of the readers, and for new ones.
func (w *watcher) wait() error {
	if w.polling {
		return w.poll()
	}
	w.pnp.reader = pnpReader
	all := append(slices.Clone(w.states), w.pnp)
	err := w.waitFor(all, w.patience())
	if err == nil {
		w.states, w.pnp = all[:len(w.states)], all[len(w.states)]
		w.polling = w.pnp.unknown
		return nil
	}
	// A reader went away since the list was made, or the system knows no
	// notifications: without them it must work, or the error is a real one.
	if !errors.Is(err, ErrRemoved) {
		return err
	}
	if err := w.waitFor(w.states, 0); errors.Is(err, ErrRemoved) {
		return nil // the next list says which one
	} else if err != nil {
		return err
	}
	w.polling = true
	return nil
}

func (w *watcher) patience() time.Duration {
	if slices.ContainsFunc(w.states, func(s readerState) bool { return s.present }) {
		return min(w.pace.wait, useInterval)
	}
	return w.pace.wait
}

func (w *watcher) poll() error {
	if len(w.states) == 0 {
		w.pause(pollInterval)
		return nil
	}
	err := w.waitFor(w.states, pollInterval)
	if errors.Is(err, ErrRemoved) {
		w.states = nil
		w.pause(settle)
		return nil
	}
	return err
}

func (w *watcher) waitFor(states []readerState, timeout time.Duration) error {
	if len(states) == 0 {
		return nil
	}
	w.waiting.set(w.context)
	defer w.waiting.set(nil)
	return w.context.wait(states, timeout)
}

// waiting is the context that a wait goes on with, nil for none. A cancel that
// meets a release makes libpcsclite use memory that it has freed, so that
// neither begins before the other is over.
type waiting struct {
	mu      sync.Mutex
	context pcscContext
}

func (w *waiting) set(context pcscContext) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.context = context
}

func (w *waiting) cancel() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.context != nil {
		w.context.cancel()
	}
}

func (w *watcher) forget() {
	if w.context != nil {
		w.context.release()
	}
	w.context, w.states, w.pnp = nil, nil, readerState{}
}

func (w *watcher) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.ctx.Done():
	}
}
