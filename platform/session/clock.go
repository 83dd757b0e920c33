package session

import (
	"context"
	"time"
)

const (
	// clockTick is how late a sleep that nobody announced may be noticed.
	clockTick = 5 * time.Second
	// leastSleep is what counts as one: clocks that are read one after the
	// other differ by less.
	leastSleep = 2 * time.Second
)

// watchClock notices a sleep afterwards, if nothing announced it.
func (w *Watcher) watchClock(ctx context.Context) {
	ticker := time.NewTicker(w.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if w.sleptSince() >= leastSleep {
				w.emit(Suspend, "the clock")
			}
		}
	}
}

// sleptSince is how long the machine has slept since it was last called. Whoever
// hears of a sleep from elsewhere calls it, so that it is not told twice.
func (w *Watcher) sleptSince() time.Duration {
	now := w.Asleep()
	w.mu.Lock()
	defer w.mu.Unlock()
	slept := now - w.slept
	w.slept = now
	return slept
}
