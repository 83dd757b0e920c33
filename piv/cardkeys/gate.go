package cardkeys

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// gate lets one request at a time put a question to the person that many wait
// for: the PIN of a card, the card itself. The zero value is ready.
type gate struct {
	mu      sync.Mutex // guards now
	now     *turn
	waiting atomic.Int32 // how many wait for a turn that is another one's
}

// turn is the right to ask.
type turn struct {
	gate *gate
	once sync.Once
	done chan struct{}
	err  error // what the person's no means for those who waited; set before done is closed
}

// turn returns the right to ask, or waits until another one's turn is over:
// then it returns nil, and an error when the person wants no more of it.
func (g *gate) turn(ctx context.Context) (*turn, error) {
	g.mu.Lock()
	other := g.now
	if other == nil {
		other = &turn{gate: g, done: make(chan struct{})}
		g.now = other
		g.mu.Unlock()
		return other, nil
	}
	g.mu.Unlock()
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	select {
	case <-other.done:
		return nil, other.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// given lets those who wait go on.
func (t *turn) given() { t.end(nil) }

// over ends the turn. Those who wait share a person's no; when only this
// program went away, or its card did, the next of them asks.
func (t *turn) over(ctx context.Context, err error) {
	if ctx.Err() != nil || away(err) || errors.Is(err, errSwapped) {
		err = nil
	}
	t.end(err)
}

func (t *turn) end(err error) {
	t.once.Do(func() {
		t.gate.mu.Lock()
		t.gate.now = nil
		t.gate.mu.Unlock()
		t.err = err
		close(t.done)
	})
}
