package piv

import (
	"sync/atomic"
	"time"
)

// exchanges counts the commands sent to cards and the time that they took. The
// rest of a request's time is the broker's.
type exchanges struct {
	count atomic.Uint64
	took  atomic.Int64 // in ns
}

// timed counts one SCardTransmit, even one that fails.
func (e *exchanges) timed(transmit func()) {
	begin := time.Now()
	transmit()
	e.took.Add(int64(time.Since(begin)))
	e.count.Add(1)
}

// Exchanges returns the number of finished calls of SCardTransmit on all cards
// since Watch, and their total time.
func (r *Readers) Exchanges() (count uint64, took time.Duration) {
	return r.exchanges.count.Load(), time.Duration(r.exchanges.took.Load())
}
