package piv

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// worker makes calls that may hang, one after the other, in one goroutine. A caller
// whose context ends returns. Its call is not repeated, and the next one begins only
// after it returns. So a hanging smartcard service costs one goroutine per worker.
type worker struct {
	calls chan func()
	first chan func()   // runs before the next call
	quit  chan struct{} // closed by close: the callers return
	done  chan struct{} // closed when the goroutine has ended
	once  sync.Once
}

// newWorker starts a worker, which calls last when it ends.
func newWorker(last func()) *worker {
	w := &worker{
		calls: make(chan func()),
		first: make(chan func(), 1),
		quit:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	go w.run(last)
	return w
}

func (w *worker) run(last func()) {
	defer close(w.done)
	defer last()
	for {
		select {
		case f := <-w.first:
			f()
		case f := <-w.calls:
			select {
			case before := <-w.first:
				before()
			default:
			}
			f()
		case <-w.quit:
			return
		}
	}
}

// call runs f and waits for it until ctx ends or limit (0: none) is over. started says
// whether f has started: after an error it may still run, so the variables that it
// writes must not be read.
func (w *worker) call(ctx context.Context, limit time.Duration, f func()) (started bool, err error) {
	if limit > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, limit, ErrNoAnswer)
		defer stop()
	}
	var claimed atomic.Bool // by the worker, to run f, or by us, to cancel it
	done := make(chan struct{})
	task := func() {
		defer close(done)
		if claimed.CompareAndSwap(false, true) {
			f()
		}
	}
	select {
	case w.calls <- task:
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-w.quit:
		return false, ErrRemoved
	}
	select {
	case <-done:
		return true, nil
	case <-ctx.Done():
		return !claimed.CompareAndSwap(false, true), context.Cause(ctx)
	case <-w.quit:
		return !claimed.CompareAndSwap(false, true), ErrRemoved
	}
}

// callFirst has f run before the next call, and returns at once. It must always be
// the same f, and once must be as good as twice.
func (w *worker) callFirst(f func()) {
	select {
	case w.first <- f:
	default:
	}
}

// close ends the worker after its current call.
func (w *worker) close() { w.once.Do(func() { close(w.quit) }) }
