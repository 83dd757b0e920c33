package confirm

import (
	"fmt"
	"time"
)

const errTooMany = Refusal("too many requests")

// admitLocked makes room for a prompt or refuses it.
func (q *Queue) admitLocked(p *prompt) error {
	use := p.use
	all := q.allLocked()
	own := 0
	for _, p := range all {
		if processOf(p.use) == processOf(use) {
			own++
		}
	}
	if own >= MaxPerProcess {
		return fmt.Errorf("%w: %d from %s are waiting", errTooMany, own, program(use))
	}
	full := len(all) >= MaxWaiting
	crowd, found := largestCrowd(all, use, CrowdShare)
	if full && !found {
		return fmt.Errorf("%w: %d are waiting", errTooMany, len(all))
	}
	if err := q.flood.admit(use, p.since, q.log); err != nil {
		return err
	}
	if p.counted = !q.joinsOthersLocked(p); p.counted {
		q.flood.add(use, p.since)
	}
	if full {
		q.dropNewestLocked(crowd)
	}
	return nil
}

// dropNewestLocked refuses the newest prompt of a crowd, never the one that is shown.
func (q *Queue) dropNewestLocked(crowd source) {
	all := q.allLocked()
	for i := len(all) - 1; i > 0; i-- {
		if p := all[i]; crowd.includes(p.use) {
			p.end(fmt.Errorf("%w from programs with the same %s are waiting: this one made room for another program", errTooMany, crowd.kind))
			q.removeLocked(p)
			return
		}
	}
}

// Waiting describes one prompt that is shown or waits.
type Waiting struct {
	ID      string
	Title   string // escaped: "Log in to github.com?"
	Program string // escaped: "ssh ← git ← zsh"
	PID     int
	Since   time.Time
	Held    bool // waits for Show
}

// Waiting lists the prompts in order, the held ones last. The first one that is
// not held is shown.
func (q *Queue) Waiting() []Waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := make([]Waiting, 0, len(q.pending)+len(q.held))
	for i, p := range q.allLocked() {
		w := Waiting{ID: p.id, Title: p.title, Held: i >= len(q.pending), Program: "keybroker", Since: p.since}
		if p.use != nil {
			w.Program, w.PID = Escape(p.use.Peer.Chain(), MaxLong), p.use.Peer.PID
		}
		list = append(list, w)
	}
	return list
}
