package session

import (
	"context"
	"fmt"
	"time"
)

// firstRetry and lastRetry bound the wait before a part is tried again: a
// restart takes a second, and a machine without one must not be kept awake.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// noteWhy returns what a part cannot see, and why.
func (w *Watcher) noteWhy(part string, why any) {
	w.note(part, fmt.Sprintf("%s: %v", blind()[part], why))
}

// keepListening listens to a part until ctx ends, and reconnects when the part is lost.
func (w *Watcher) keepListening(ctx context.Context, part string, listen func() error) {
	for wait := firstRetry; ctx.Err() == nil; wait = min(2*wait, lastRetry) {
		since := time.Now()
		if err := listen(); ctx.Err() == nil {
			w.noteWhy(part, err)
		}
		if time.Since(since) > lastRetry { // it had been well
			wait = firstRetry
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}
