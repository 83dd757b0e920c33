package audit

import (
	"fmt"
	"time"
)

// flushDelay is how long a record may wait before it is on its way to the disk. With
// the time of the fsync itself a power cut costs the records of a second at most.
const flushDelay = 500 * time.Millisecond

// scheduleFlush has records flushed that nobody waits for. Nothing runs while nothing
// is written.
func (l *Log) scheduleFlush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.power || l.flushing {
		return
	}
	l.flushing = true
	time.AfterFunc(flushDelay, l.flush)
}

// flush brings the records so far to the disk. With Process their answers are out, so
// that a failure is only told: in the log once, until a flush succeeds again.
func (l *Log) flush() {
	if l.power { // a failure that sync did not see would look like success to the Append that waits
		_ = l.sync(l.Head().Seq)
		return
	}
	l.mu.Lock()
	l.flushing = false
	l.mu.Unlock()
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	file, upTo, synced := l.file, l.head.Seq, l.synced
	l.mu.Unlock()
	if file == nil || synced >= upTo {
		return
	}
	failure := l.fsync(file)
	l.io.Lock()
	defer l.io.Unlock()
	if l.file != file { // it was synced when it was closed
		return
	}
	l.mu.Lock()
	first := failure != nil && !l.unsynced
	l.unsynced = failure != nil
	if failure == nil {
		l.synced = max(l.synced, upTo)
	}
	l.mu.Unlock()
	if first {
		l.note(fmt.Sprintf("a power cut would lose records: they could not be flushed to the disk at record %d: %v", upTo, failure), l.month)
	}
}
