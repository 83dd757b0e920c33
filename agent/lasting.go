package agent

import (
	"context"
	"sync"
	"time"
)

// lasting is a context that ends with the client or with the epoch. Until something waits for that
// it costs nothing: a signature that nobody is asked about is made without it.
type lasting struct {
	client context.Context
	moment *moment

	mu     sync.Mutex      // guards the fields that follow
	joined context.Context // nil: nothing has waited
	end    context.CancelFunc
	over   bool // the request is done
}

// within returns a context that ends with ctx or with the epoch, which withdraws questions.
func (m *moment) within(ctx context.Context) (context.Context, context.CancelFunc) {
	l := &lasting{client: ctx, moment: m}
	return l, l.cancel
}

// Deadline is the client's.
func (l *lasting) Deadline() (time.Time, bool) { return l.client.Deadline() }

// Done is closed at the end.
func (l *lasting) Done() <-chan struct{} { return l.join().Done() }

// Value is for package context, which finds the cause of the end by it.
func (l *lasting) Value(key any) any { return l.join().Value(key) }

// Err says whether it has ended.
func (l *lasting) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.joined != nil:
		return l.joined.Err()
	case l.over || l.moment.err() != nil:
		return context.Canceled
	}
	return l.client.Err()
}

func (l *lasting) join() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.joined != nil {
		return l.joined
	}
	joined, cancel := context.WithCancelCause(l.client)
	stop := context.AfterFunc(l.moment.over, func() { cancel(l.moment.err()) })
	l.joined, l.end = joined, func() { stop(); cancel(nil) }
	switch {
	case l.moment.err() != nil: // AfterFunc is not waited for
		cancel(l.moment.err())
	case l.over:
		l.end()
	}
	return joined
}

func (l *lasting) cancel() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.end != nil {
		l.end()
	}
}
