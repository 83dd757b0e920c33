package confirm

import (
	"context"
	"fmt"
	"slices"

	"github.com/keybroker/keybroker/platform"
)

// maxNotices bounds the notices that are shown at once: each is a window.
const maxNotices = 8

// Notify shows n at once, beside whatever is asked: a touch that one program
// waits for delays no other one's question.
func (q *Queue) Notify(ctx context.Context, n Notice) error {
	n.Title = leading(n.Title, n.Use)
	if !q.begin(&n) {
		return fmt.Errorf("confirm: %w wait for a hand", errTooMany)
	}
	defer q.end(&n)
	if err := q.prompter.Notify(ctx, n); err != nil {
		return fmt.Errorf("confirm: %w", err)
	}
	return nil
}

func (q *Queue) begin(n *Notice) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.notices) >= maxNotices {
		return false
	}
	q.notices = append(q.notices, n)
	q.changedLocked()
	return true
}

func (q *Queue) end(n *Notice) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.notices = slices.DeleteFunc(q.notices, func(other *Notice) bool { return other == n })
	q.changedLocked()
}

// Notices are the titles of what waits for a hand, escaped.
func (q *Queue) Notices() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	titles := make([]string, 0, len(q.notices))
	for _, n := range q.notices {
		titles = append(titles, platform.Escape(n.Title, 2*MaxLong))
	}
	return titles
}
