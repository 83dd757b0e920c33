package agent

import "sync"

// maxIdleWorkers bounds the workers that wait for work. A waiting worker keeps
// the stack that it has grown, which makes the next signature cheaper; a few
// are enough for the few requests that are ever under way at once.
const maxIdleWorkers = 8

// workers runs tasks, each in a goroutine at once, and keeps a few of the
// goroutines for the next tasks. The zero value is ready.
type workers struct {
	mu     sync.Mutex // guards the fields that follow
	idle   []chan func()
	closed bool
}

func (w *workers) do(task func()) {
	w.mu.Lock()
	if n := len(w.idle); n > 0 {
		worker := w.idle[n-1]
		w.idle = w.idle[:n-1]
		w.mu.Unlock()
		worker <- task
		return
	}
	w.mu.Unlock()
	go w.run(task)
}

func (w *workers) run(task func()) {
	mine := make(chan func(), 1)
	for ok := true; ok; task, ok = <-mine {
		task()
		if !w.rest(mine) {
			return
		}
	}
}

// rest offers the worker for the next task; false tells it to end.
func (w *workers) rest(mine chan func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.idle) >= maxIdleWorkers {
		return false
	}
	w.idle = append(w.idle, mine)
	return true
}

func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, worker := range w.idle {
		close(worker)
	}
	w.idle = nil
}
