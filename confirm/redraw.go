package confirm

import (
	"context"
	"errors"
	"time"
)

// A command that logs in to many hosts sends its requests one after the other. The
// first one is asked about at once; when others have come, the question is drawn
// anew with all of them.
const (
	// settleTime is how long no more of them may have come. It is shorter than
	// what the window takes before a click counts.
	settleTime = 400 * time.Millisecond
	// maxRedraws bounds them for one question, so that no command takes its
	// question away from under the person's hand over and over.
	maxRedraws = 2
)

// ErrMore is why a question is withdrawn that is drawn anew. What was typed or
// clicked by then is no answer.
var ErrMore = errors.New("more hosts of this command wait")

// redraw is when a question is drawn anew. The zero value is ready.
type redraw struct {
	count int
	timer *time.Timer             // nil: nothing has come since it was drawn
	again context.CancelCauseFunc // withdraws what is drawn now; nil: nothing is
}

// drawable is a context for drawing p once.
func (q *Queue) drawable(ctx context.Context, p *prompt) (drawn context.Context, end func()) {
	drawn, cancel := context.WithCancelCause(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	p.redraw.again = cancel
	return drawn, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		p.redraw.again = nil
		p.redraw.stop()
		cancel(nil)
	}
}

func (r *redraw) stop() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}

// redrawLocked has the question that is shown drawn anew soon if other waits with it.
func (q *Queue) redrawLocked(other *prompt) {
	shown := q.pending[0]
	r := &shown.redraw
	if shown == other || !shown.isLike(other) || r.again == nil || r.count >= maxRedraws {
		return
	}
	r.stop()
	again := r.again
	r.timer = time.AfterFunc(settleTime, func() {
		q.mu.Lock()
		r.count++
		q.mu.Unlock()
		again(ErrMore)
	})
}
