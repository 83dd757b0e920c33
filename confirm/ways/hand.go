package ways

import (
	"context"
	"sync"
	"time"
)

// handTime is how long nothing is asked after a question was taken away before it was
// answered. A program chooses when its question goes, and what comes in its place:
// an answer that is on its way must not reach that. The window has a delay of its
// own for its buttons, as long as this one.
const handTime = 800 * time.Millisecond

// hand is the person's, at a way to ask whose answers count at once. The zero value is ready.
type hand struct {
	pause time.Duration // 0: handTime

	mu      sync.Mutex // guards what follows
	emptied time.Time  // when a question was taken away last
}

// wait returns when an answer to what was asked before can be on its way no more, or
// when ctx ends. Call ended when the question that follows is over.
func (h *hand) wait(ctx context.Context) (ended func()) {
	h.mu.Lock()
	pause := h.pause
	if pause == 0 {
		pause = handTime
	}
	rest := time.Until(h.emptied.Add(pause))
	h.mu.Unlock()
	if rest > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(rest):
		}
	}
	return func() {
		if ctx.Err() == nil {
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.emptied = time.Now()
	}
}
