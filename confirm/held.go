package confirm

import (
	"fmt"
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// Reasons for refusing a request from the background.
const (
	errUnattended = Refusal("a program in the background asked, and [confirm] background = \"refuse\"")
	errNotOpened  = Refusal("a program in the background asked, and nobody opened its question")
)

// allLocked lists the prompts that are shown or wait, then the held ones.
func (q *Queue) allLocked() []*prompt { return slices.Concat(q.pending, q.held) }

// holdLocked keeps p back until Show or until HoldTime is over.
func (q *Queue) holdLocked(p *prompt) {
	q.held = append(q.held, p)
	timer := time.AfterFunc(HoldTime, func() { q.expireHeld(p) })
	end := p.end
	p.end = func(cause error) { timer.Stop(); end(cause) }
	q.changedLocked()
}

func (q *Queue) expireHeld(p *prompt) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.dropHeldLocked(p) {
		p.end(fmt.Errorf("%w within %s", errNotOpened, keys.ShortDuration(HoldTime)))
		q.changedLocked()
	}
}

func (q *Queue) dropHeldLocked(p *prompt) bool {
	i := slices.Index(q.held, p)
	if i >= 0 {
		q.held = slices.Delete(q.held, i, i+1)
	}
	return i >= 0
}

// Show brings up the held prompt with this ID, or the oldest one for "". It returns
// false when there is none.
func (q *Queue) Show(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.held {
		if p.id == id || id == "" {
			q.showLocked(p)
			return true
		}
	}
	return false
}

func (q *Queue) showLocked(p *prompt) {
	q.dropHeldLocked(p)
	q.enqueueLocked(p)
}

// Watch registers a watcher that tells the person about held prompts until stop is
// called. Each change of Waiting puts a value into changed, which holds one. When the
// last watcher stops, held prompts are asked at once: otherwise the person would
// never learn of them.
func (q *Queue) Watch() (changed <-chan struct{}, stop func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	watcher := make(chan struct{}, 1)
	q.watchers[watcher] = struct{}{}
	return watcher, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.watchers, watcher)
		for len(q.watchers) == 0 && len(q.held) > 0 {
			q.showLocked(q.held[0])
		}
	}
}

func (q *Queue) changedLocked() {
	q.changed()
	for watcher := range q.watchers {
		select {
		case watcher <- struct{}{}:
		default: // the last value is still there
		}
	}
}
