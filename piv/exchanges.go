package piv

import (
	"sync/atomic"
	"time"
)

// exchanges counts what was sent to cards, and how long they took to answer:
// what is left of a request's time is the broker's own.
type exchanges struct {
	count atomic.Uint64
	took  atomic.Int64 // in ns
}

// timed counts one SCardTransmit, also one that fails.
func (e *exchanges) timed(transmit func()) {
	begin := time.Now()
	transmit()
	e.took.Add(int64(time.Since(begin)))
	e.count.Add(1)
}

// Exchanges returns how many calls of SCardTransmit there were with all cards
// since Watch, and how long they took together. A call that goes on is not in it.
func (r *Readers) Exchanges() (count uint64, took time.Duration) {
	return r.exchanges.count.Load(), time.Duration(r.exchanges.took.Load())
}
