package audit

import (
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// maxTurns bounds the stretches and turns of one part. A broker that starts again and
// again loses the oldest ones: of what is not known nothing is claimed.
const maxTurns = 10_000

// run is a stretch of records of one broker.
type run struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`           // of the last record: a broker that was killed may have run longer
	Began bool      `json:"began,omitempty"` // it has the record of the start; otherwise it goes on from before
	Ended bool      `json:"ended,omitempty"` // it has the record of the end
}

type runs []run

// add notes a record. Where the clock was set back, only the time since then counts.
func (r *runs) add(t time.Time, op keys.Op) {
	var last *run
	if n := len(*r); n > 0 {
		last = &(*r)[n-1]
	}
	switch {
	case op == keys.OpStart:
		r.append(run{Since: t, Until: t, Began: true})
	case op == keys.OpRename || last != nil && last.Ended: // a command writes that without a broker
	case last == nil:
		r.append(run{Since: t, Until: t, Ended: op == keys.OpEnd})
	default:
		last.Until, last.Ended = t, op == keys.OpEnd
		if t.Before(last.Since) {
			last.Since = t
		}
	}
}

func (r *runs) append(one run) {
	if len(*r) == maxTurns {
		*r = slices.Delete(*r, 0, maxTurns/2)
	}
	*r = append(*r, one)
}

// join adds the stretches that follow.
func (r *runs) join(next runs) {
	for _, one := range next {
		n := len(*r)
		switch {
		case one.Began || n == 0:
			r.append(one)
		case !(*r)[n-1].Ended:
			last := &(*r)[n-1]
			last.Until, last.Ended = one.Until, one.Ended
			if one.Since.Before(last.Since) {
				last.Since = one.Since
			}
		}
	}
}

// turn is a moment at which the broker got or lost a key.
type turn struct {
	At   time.Time `json:"at"`
	Gone bool      `json:"gone,omitempty"`
}

type turns []turn

// add notes a turn, unless it is as it was.
func (t *turns) add(one turn) {
	if n := len(*t); n > 0 && (*t)[n-1].Gone == one.Gone {
		return
	}
	if len(*t) == maxTurns {
		*t = slices.Delete(*t, 0, maxTurns/2)
	}
	*t = append(*t, one)
}
