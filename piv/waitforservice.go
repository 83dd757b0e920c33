package piv

import (
	"os"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// arrival is the watch for a service that is absent: over a directory into which the
// awaited name comes with it.
type arrival struct {
	*platform.DirWatch
	awaited string // the path of the service's socket, or of a directory above it
}

// waitForService waits before the next try to reach the service, and returns the wait that
// follows. After tries up to backoffMax apart it watches for the service to arrive.
func (w *watcher) waitForService(missing error, backoff time.Duration) time.Duration {
	if backoff < backoffMax || serviceOf(missing) != ServiceAbsent {
		w.pause(backoff)
		return min(2*backoff, backoffMax)
	}
	if w.arrival == nil {
		var err error
		if w.arrival, err = w.system.arrival(); err != nil {
			w.pause(backoffMax)
		}
		return backoffMax // at once: it may have come before the watch began
	}
	if w.arrives() {
		w.forgetArrival()
		return backoffMin
	}
	return backoffMax
}

// arrives waits for the awaited name, and not longer than backoffWatched. It returns true
// also when the watch has ended.
func (w *watcher) arrives() bool {
	timer := time.NewTimer(backoffWatched)
	defer timer.Stop()
	for {
		select {
		case _, watching := <-w.arrival.Changes:
			if _, err := os.Lstat(w.arrival.awaited); err == nil || !watching {
				return true
			}
		case <-timer.C:
			return false
		case <-w.ctx.Done():
			return false
		}
	}
}

func (w *watcher) forgetArrival() {
	if w.arrival != nil {
		w.arrival.Close()
		w.arrival = nil
	}
}
