package agent

import (
	"sync"
	"time"
)

// Those who borrow the agent, a host that it is forwarded to and the programs
// behind a separate socket, may be allowed by a rule to sign without a
// question. Each signature and each change has its record, so without a budget
// they could fill the disk.
const (
	// borrowedBurst records are 8 MB: more than one command over all hosts of a fleet.
	borrowedBurst = 10_000
	// borrowedRefill is the time after which one more record is allowed: 65 MB a day.
	borrowedRefill = time.Second
	// A borrower may add keys only while the agent holds fewer than
	// maxBorrowedKeys. The other half of the list is left for the person.
	maxBorrowedKeys = maxIdentities / 2
	// maxBorrowers bounds those who are remembered.
	maxBorrowers = 1024
)

// borrower is a socket, or a program that forwards the agent.
type borrower struct {
	socket  string
	program program
}

// borrowed counts the records of each. The zero value is ready.
type borrowed struct {
	mu      sync.Mutex // guards buckets
	buckets map[borrower]*bucket
}

var tooManyRecords = refusal{reason: "too many signatures and changes came from a forwarded host, or through this socket",
	remedy: "wait: one a second may follow; see who asks: keybroker log"}

// borrower returns who borrows the agent over this connection; false: nobody does.
func (s *session) borrower() (borrower, bool) {
	switch {
	case s.socket != "":
		return borrower{socket: s.socket}, true
	case s.forwarded():
		return borrower{program: programOf(s.peer)}, true
	}
	return borrower{}, false
}

// mayAddMore keeps room for the person's own keys.
func (s *session) mayAddMore() error {
	if _, borrows := s.borrower(); !borrows || len(s.server.Ring.List()) < maxBorrowedKeys {
		return nil
	}
	return refusal{reason: "there are too many keys for a forwarded host, or a program on this socket, to add one",
		remedy: "remove some: ssh-add -d FILE"}
}

// mayRecord refuses a borrower whose budget of records is used up.
func (s *session) mayRecord() error {
	who, borrows := s.borrower()
	if !borrows || s.server.borrowed.take(who, s.server.Now()) {
		return nil
	}
	return tooManyRecords
}

func (b *borrowed) take(who borrower, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buckets[who] == nil {
		if len(b.buckets) >= maxBorrowers {
			b.forgetLocked(now)
		}
		if len(b.buckets) >= maxBorrowers {
			return false
		}
		if b.buckets == nil {
			b.buckets = make(map[borrower]*bucket)
		}
		b.buckets[who] = new(bucket)
	}
	return b.buckets[who].take(now, borrowedBurst, borrowedRefill)
}

// forgetLocked drops the borrowers whose whole budget has been refilled.
func (b *borrowed) forgetLocked(now time.Time) {
	for who, one := range b.buckets {
		if now.Sub(one.last) >= time.Duration(one.spent)*borrowedRefill {
			delete(b.buckets, who)
		}
	}
}
