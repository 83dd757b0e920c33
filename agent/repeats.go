package agent

import (
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
)

// A client can be refused, and can have its keys listed, as often as it asks:
// 12 MB of records in half a second. So what repeats is counted: the first
// records of a kind are written one by one, and then one record stands for
// many (audit.Record.Repeats). So are pauses, locks, revoked grants and the like,
// which any program of the user can cause and which are never refused for that.
// Signatures and changes of keys always have a record each.
const (
	// repeatBurst records of a kind are written one by one: more than a person
	// causes, a rebase that is refused or a wrong key in a loop over hosts.
	repeatBurst = 50
	// repeatRefill is after how long one more of them may be.
	repeatRefill = 10 * time.Second
	// socketBurst and socketRefill are the same for all kinds on one socket, so
	// that many programs cause no more than some: 2,000 records are about 1.5 MB,
	// and one a second 60 MB a day. Changes of the broker have a second one, so
	// that no storm of refusals delays the record of a pause.
	socketBurst  = 2000
	socketRefill = time.Second
	// countTime is how long records are counted before the count is written.
	countTime = time.Minute
	// maxKinds bounds the kinds that are told apart. Beyond it, all of one
	// operation on one socket are one kind.
	maxKinds = 1024
)

// kind is what two similar records have in common: program, operation, key, rule
// and outcome. It contains nothing that a client can choose freely.
type kind struct {
	program           program
	socket            string
	op                keys.Op
	decision          string
	key, rule, remedy string
}

// kindOf is exact as long as there is room; then it is only who, what and how.
func kindOf(use *keys.Use, record *audit.Record) kind {
	return kind{program: programOf(use.Peer), socket: use.Socket, op: use.Op, decision: record.Decision,
		key: use.Key.Fingerprint, rule: record.Rule, remedy: record.Remedy}
}

// bucket lets a burst through, and then one each refill.
type bucket struct {
	spent int
	last  time.Time
}

func (b *bucket) take(now time.Time, burst int, refill time.Duration) bool {
	if back := int(now.Sub(b.last) / refill); back > 0 || b.spent == 0 {
		b.spent, b.last = max(b.spent-back, 0), now
	}
	if b.spent >= burst {
		return false
	}
	b.spent++
	return true
}

// repeated is one kind.
type repeated struct {
	bucket
	count  int          // not written one by one
	latest audit.Record // of them
	timer  *time.Timer  // writes the count
}

// repeats counts records. The zero value is ready.
type repeats struct {
	mu      sync.Mutex // guards what follows
	kinds   map[kind]*repeated
	budgets map[budgetOf]*bucket
	closed  bool
}

// budgetOf is what shares one budget of records.
type budgetOf struct {
	socket  string
	changes bool // of the broker
}

// admit reports whether a record is to be written individually. Otherwise it is
// counted, and write gets one record with the count within countTime.
func (r *repeats) admit(k kind, record audit.Record, now time.Time, write func(audit.Record)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.kindLocked(k, now)
	if one.count == 0 && one.take(now, repeatBurst, repeatRefill) && r.budgetLocked(k).take(now, socketBurst, socketRefill) {
		return true
	}
	one.count++
	one.latest = record
	if one.timer == nil && !r.closed {
		one.timer = time.AfterFunc(countTime, func() { r.flush(one, write) })
	}
	return false
}

func (r *repeats) kindLocked(k kind, now time.Time) *repeated {
	if r.kinds == nil {
		r.kinds, r.budgets = make(map[kind]*repeated), make(map[budgetOf]*bucket)
	}
	if r.kinds[k] == nil && len(r.kinds) >= maxKinds {
		r.forgetLocked(now)
	}
	if r.kinds[k] == nil && len(r.kinds) >= maxKinds {
		k = kind{socket: k.socket, op: k.op, decision: k.decision}
	}
	if r.kinds[k] == nil {
		r.kinds[k] = new(repeated)
	}
	return r.kinds[k]
}

// forgetLocked drops the kinds whose whole burst has been refilled.
func (r *repeats) forgetLocked(now time.Time) {
	for k, one := range r.kinds {
		if one.count == 0 && now.Sub(one.last) >= time.Duration(one.spent)*repeatRefill {
			delete(r.kinds, k)
		}
	}
}

func (r *repeats) budgetLocked(k kind) *bucket {
	budget := budgetOf{k.socket, changesTheBroker(k.op) || k.op == keys.OpDrop}
	if r.budgets[budget] == nil {
		r.budgets[budget] = new(bucket)
	}
	return r.budgets[budget]
}

// flush writes the count of one kind.
func (r *repeats) flush(one *repeated, write func(audit.Record)) {
	r.mu.Lock()
	record, count := one.latest, one.count
	one.count, one.latest, one.timer = 0, audit.Record{}, nil
	r.mu.Unlock()
	if count > 0 {
		record.Repeats = count
		write(record)
	}
}

// close writes every count.
func (r *repeats) close(write func(audit.Record)) {
	r.mu.Lock()
	r.closed = true
	var all []*repeated
	for _, one := range r.kinds {
		if one.timer != nil {
			one.timer.Stop()
		}
		all = append(all, one)
	}
	r.mu.Unlock()
	for _, one := range all {
		r.flush(one, write)
	}
}
