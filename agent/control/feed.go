package control

import (
	"slices"
	"sync"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
)

const (
	// MaxFollowers bounds the programs that follow the broker at one time: a
	// tray, perhaps two, and what a person tries.
	MaxFollowers = 8
	// maxFresh is how many records are kept for those who follow: more in a
	// moment is more than a person can see.
	maxFresh = 64
)

// Feed tells those who follow the broker that something has changed. With
// nobody there it costs next to nothing. The zero value is ready.
type Feed struct {
	mu        sync.Mutex // guards the fields that follow
	followers int
	changed   chan struct{} // closed at the next change
	fresh     []audit.Record
	count     uint64 // of records so far; the last one is fresh's last
}

// Changed says that something has changed. It does not wait.
func (f *Feed) Changed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changedLocked()
}

// Record says that a record was written. It does not wait.
func (f *Feed) Record(record audit.Record) {
	if record.Op == keys.OpList { // every client begins with it
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

// follow counts one more follower in, who calls leave; false: there are too many.
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

// since returns the records after the one numbered last (those that are still
// kept), the number of the last one of all, and what is closed at the next change.
func (f *Feed) since(last uint64) ([]audit.Record, uint64, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	n := min(f.count-last, uint64(len(f.fresh)))
	return slices.Clone(f.fresh[uint64(len(f.fresh))-n:]), f.count, f.changed
}
