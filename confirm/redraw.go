package confirm

import (
	"context"
	"errors"
	"time"
)

// A command that logs in to many hosts sends its requests one by one. The question
// for the first appears at once; when others arrive, it is drawn again with all of
// them.
const (
	// settleTime is how long no further request must have arrived. It is shorter
	// than the time before a click counts in the window.
	settleTime = 400 * time.Millisecond
	// maxRedraws bounds the redraws of one question, so that no command can keep
	// withdrawing its question under the person's hand.
	maxRedraws = 2
)

// ErrMoreHosts is the cause of a context whose question is drawn again. Earlier keys
// and clicks do not count as an answer.
var ErrMoreHosts = errors.New("more hosts of this command wait")

// redraw tracks the redraws of one question. The zero value is ready.
type redraw struct {
	count    int
	timer    *time.Timer             // nil: no request has arrived since the last drawing
	withdraw context.CancelCauseFunc // withdraws the current drawing; nil: there is none
}

// drawContext returns a context for drawing p once.
func (q *Queue) drawContext(ctx context.Context, p *prompt) (drawn context.Context, end func()) {
	drawn, cancel := context.WithCancelCause(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	p.redraw.withdraw = cancel
	return drawn, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		p.redraw.withdraw = nil
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

// redrawLocked schedules a redraw of the shown question if other belongs to its command.
func (q *Queue) redrawLocked(other *prompt) {
	shown := q.pending[0]
	r := &shown.redraw
	if shown == other || !shown.isLike(other) || shown.together.Announced != nil || r.withdraw == nil || r.count >= maxRedraws {
		return
	}
	r.stop()
	withdraw := r.withdraw
	r.timer = time.AfterFunc(settleTime, func() {
		q.mu.Lock()
		r.count++
		q.mu.Unlock()
		withdraw(ErrMoreHosts)
	})
}
