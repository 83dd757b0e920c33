package session

import (
	"context"
	"time"
)

const (
	// clockTick bounds how late an unannounced sleep is noticed where the system does not wake
	// the broker after one.
	clockTick = 5 * time.Second
	// wokenTick is the bound where it does, for what it may leave out.
	wokenTick = time.Minute
	// leastSleep is the shortest sleep that counts: clocks that are read one after the
	// other differ by less.
	leastSleep = 2 * time.Second
)

// watchClock notices a sleep afterwards, if nothing announced it.
func (w *Watcher) watchClock(ctx context.Context) {
	woken := wakeUps(ctx)
	tick := w.Tick
	if tick == 0 && woken != nil {
		tick = wokenTick
	} else if tick == 0 {
		tick = clockTick
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-woken:
		case <-ticker.C:
		}
		if w.sleptSince() >= leastSleep {
			w.emit(Suspend, "the clock")
		}
	}
}

// sleptSince returns how long the machine has slept since the last call. Call it when
// another source reports a sleep, so that the sleep is not reported twice.
func (w *Watcher) sleptSince() time.Duration {
	now := w.Asleep()
	w.mu.Lock()
	defer w.mu.Unlock()
	slept := now - w.slept
	w.slept = now
	return slept
}
