package confirm

import (
	"context"
	"fmt"
	"slices"

	"github.com/keybroker/keybroker/platform"
)

// maxNotices bounds the notices on the screen: each is a window.
const maxNotices = 8

// Notify shows n at once, even beside a question: a touch that one program waits for
// must not delay the question of another.
func (q *Queue) Notify(ctx context.Context, n Notice) error {
	n.Title = withHeadline(n.Title, n.Use)
	if !q.addNotice(&n) {
		return fmt.Errorf("%w: %d notices are shown", errTooMany, maxNotices)
	}
	defer q.removeNotice(&n)
	if err := q.prompter.Notify(ctx, n); err != nil {
		return err
	}
	return nil
}

func (q *Queue) addNotice(n *Notice) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.notices) >= maxNotices {
		return false
	}
	q.notices = append(q.notices, n)
	q.changedLocked()
	return true
}

func (q *Queue) removeNotice(n *Notice) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.notices = slices.DeleteFunc(q.notices, func(other *Notice) bool { return other == n })
	q.changedLocked()
}

// Notices lists the titles of the notices that are shown, escaped.
func (q *Queue) Notices() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	titles := make([]string, 0, len(q.notices))
	for _, n := range q.notices {
		titles = append(titles, platform.Escape(n.Title, 2*MaxLong))
	}
	return titles
}
