package cardkeys

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// gate lets one request ask the person for something that several wait for: the
// PIN of a card, or the card itself. The zero value is ready.
type gate struct {
	mu      sync.Mutex // guards now
	now     *turn
	waiting atomic.Int32 // the requests that wait for another's turn
}

// turn is the right to ask.
type turn struct {
	gate *gate
	once sync.Once
	done chan struct{}
	err  error // the refusal that those who waited share; set before done is closed
}

// turn returns the right to ask. If another request has it, turn waits until that
// turn ends and returns nil, with an error if the person refused.
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

// given ends the turn after a success: those who wait try again.
func (t *turn) given() { t.end(nil) }

// over ends the turn. Those who wait share a refusal by the person. If only this
// request ended, or its card was removed, the next of them asks.
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
