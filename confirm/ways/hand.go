package ways

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// handTime is the pause after a question was withdrawn without an answer. A program
// chooses when its question is withdrawn and what follows it: an answer on its way to
// the first must not reach the second. The window has the same delay in its buttons.
const handTime = 800 * time.Millisecond

// hand gives the person's hand time to stop, in prompts whose answers count at once.
// The zero value is ready.
type hand struct {
	pause time.Duration // 0: handTime

	mu        sync.Mutex // guards what follows
	withdrawn time.Time  // when the last question was withdrawn
}

// wait returns when an answer to an earlier question can no longer be on its way, or
// when ctx ends. The caller calls ended after its question.
func (h *hand) wait(ctx context.Context) (ended func()) {
	h.mu.Lock()
	rest := time.Until(h.withdrawn.Add(h.length()))
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
		h.withdrawn = time.Now()
	}
}

// length is how long the pause lasts.
func (h *hand) length() time.Duration { return cmp.Or(h.pause, handTime) }
