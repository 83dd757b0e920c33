package control

import (
	"slices"
	"sync"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
)

const (
	// MaxFollowers bounds the programs that follow the broker: a tray or two, and
	// what a person tries.
	MaxFollowers = 8
	// maxFresh is how many records are kept for followers. A person cannot see more
	// at once.
	maxFresh = 64
)

// Feed tells followers that something has changed. Without followers it costs next
// to nothing. The zero value is ready.
type Feed struct {
	mu        sync.Mutex // guards the fields below
	followers int
	changed   chan struct{} // closed at the next change
	fresh     []audit.Record
	count     uint64 // records so far; the last one is the last of fresh
}

// Changed tells the followers that something has changed. It does not block.
func (f *Feed) Changed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changedLocked()
}

// Record passes a written record to the followers. It does not block.
func (f *Feed) Record(record audit.Record) {
	if record.Op == keys.OpList { // every client starts with it
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers == 0 {
		return
	}
	if len(f.fresh) == maxFresh {
		f.fresh = slices.Delete(f.fresh, 0, 1)
	}
	f.fresh = append(f.fresh, record)
	f.count++
	f.changedLocked()
}

func (f *Feed) changedLocked() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// follow adds a follower, which must call leave; false: there are too many.
func (f *Feed) follow() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers >= MaxFollowers {
		return false
	}
	f.followers++
	return true
}

func (f *Feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers--; f.followers == 0 {
		f.fresh = nil
	}
}

// since returns the kept records after number last, the number of the newest record,
// and a channel that is closed at the next change.
func (f *Feed) since(last uint64) ([]audit.Record, uint64, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	n := min(f.count-last, uint64(len(f.fresh)))
	return slices.Clone(f.fresh[uint64(len(f.fresh))-n:]), f.count, f.changed
}
