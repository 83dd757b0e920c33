package piv

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// How often the readers are checked.
const (
	// waitLimit bounds one wait for a change. Each wait costs a wake-up; the limit
	// bounds how late a hanging service is noticed.
	waitLimit = 10 * time.Second
	// useInterval is how often we check whether another program uses an inserted
	// card: pcsc-lite does not report it. A shorter use may be missed.
	useInterval = time.Second
	// pollInterval is for systems that do not announce new readers (macOS): a card
	// must be listed within a second, and inserting a YubiKey adds a reader.
	pollInterval = 500 * time.Millisecond
	// answerLimit bounds every call of the service except a wait.
	answerLimit = 5 * time.Second
	// settle is the pause after an irrelevant change: each use of a card, even
	// ours, changes its reader's flags.
	settle = 25 * time.Millisecond
	// A missing service is looked for again at intervals from backoffMin to
	// backoffMax, and to backoffWatched where its directory tells when it comes.
	backoffMin     = 50 * time.Millisecond
	backoffMax     = time.Second
	backoffWatched = time.Minute
)

// watcher is the only goroutine that waits for readers and cards. Its worker makes
// the calls and owns the fields below it.
type watcher struct {
	*Readers
	pace    pace
	worker  *worker
	waiting waiting
	arrival *arrival // of the service that is absent, or nil

	context pcscContext
	states  []readerState
	pnp     readerState
	polling bool  // the system does not announce new readers
	err     error // of the last step
}

// pace is a watcher's waitLimit and answerLimit, except in tests.
type pace struct{ wait, answer time.Duration }

func newWatcher(r *Readers, pace pace) *watcher {
	w := &watcher{Readers: r, pace: pace}
	w.worker = newWorker(w.forget)
	return w
}

func (w *watcher) run() {
	defer w.end()
	defer w.forgetArrival()
	backoff := backoffMin
	for w.ctx.Err() == nil {
		states, err := w.look()
		switch {
		case w.ctx.Err() != nil:
			return
		case err == nil:
			w.forgetArrival()
			backoff = backoffMin
			changed := w.apply(states) // before setService: a running service implies known cards
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
		backoff = w.waitForService(err, backoff)
	}
}

// end releases everything. It cancels a running wait repeatedly, because a cancel
// right before the wait is lost.
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

// look returns the readers after the next change. If the service hangs, look reports
// that and then waits for it.
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

// step lists the readers and waits for a change. It runs in the worker.
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

// merge keeps the known states of the readers that still exist.
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
	// A reader was removed since the list was made, or the system does not announce
	// readers. If waiting fails without pnpReader too, the error is real.
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

// waiting is the context of the running wait, or nil. A cancel during a release makes
// libpcsclite use freed memory, so the mutex keeps them apart.
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
