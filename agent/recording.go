package agent

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/problem"
)

// recordTime is how long the audit log's disk may take for one record: much longer than a
// busy disk does, and shorter than a person waits.
const recordTime = 5 * time.Second

var errDiskHangs = problem.New("the disk of the audit log does not answer", "see the kernel's log: dmesg, and whether the file system is still there: df")

// recording writes records within a limit. While one hangs the following ones fail at once.
type recording struct {
	append func(audit.Record) (audit.Record, error)
	limit  time.Duration
	late   atomic.Int64 // records that have taken longer than limit and are not written yet

	mu       sync.Mutex // guards the fields that follow
	pending  map[*attempt]struct{}
	watching bool // look runs again
}

// attempt is a record that is being written.
type attempt struct {
	since  time.Time
	isLate bool   // guarded by recording.mu
	giveUp func() // called once it is late
}

// outcome is what became of a record. After late its caller has got an error.
type outcome struct {
	record audit.Record
	err    error
	late   bool
}

// write returns the record as it was written. Whoever got an error refuses. If the record
// is written after that, a second one says so.
func (r *recording) write(record audit.Record) (audit.Record, error) {
	written, late := make(chan outcome, 1), make(chan struct{})
	go func() {
		now := r.try(record, func() { close(late) })
		if now.late && now.err == nil {
			r.correct(record)
		}
		written <- now
	}()
	select {
	case now := <-written:
		return now.record, now.err
	case <-late:
		return audit.Record{}, r.tooLate()
	}
}

// writeHere is write for the most frequent records, those of signatures: it does not change
// to another goroutine, which costs as much as the write itself. It returns when the disk
// answers, and giveUp is called when that takes too long.
func (r *recording) writeHere(record audit.Record, giveUp func()) (audit.Record, error) {
	now := r.try(record, giveUp)
	if now.late {
		return audit.Record{}, r.tooLate()
	}
	return now.record, now.err
}

func (r *recording) try(record audit.Record, giveUp func()) (now outcome) {
	if r.late.Load() > 0 {
		return outcome{err: errDiskHangs}
	}
	one := &attempt{since: time.Now(), giveUp: giveUp}
	r.begin(one)
	now.record, now.err = r.append(record)
	if now.late = r.end(one); now.late {
		r.late.Add(-1)
	}
	return now
}

func (r *recording) tooLate() error { return fmt.Errorf("%w within %v", errDiskHangs, r.limit) }

// correct follows a record that says that something was allowed and was written too late.
func (r *recording) correct(record audit.Record) {
	if record.Decision != audit.Allowed {
		return
	}
	record.Decision, record.Rule, record.Grant = audit.Refused, "", ""
	record.Reason = "refused after all: its record was not written in time"
	_, _ = r.append(record) // it is about what did not happen, and there is nobody left to tell
}

func (r *recording) begin(one *attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending == nil {
		r.pending = make(map[*attempt]struct{})
	}
	r.pending[one] = struct{}{}
	if !r.watching {
		r.watching = true
		time.AfterFunc(r.limit/5, r.look)
	}
}

// end reports whether the attempt was late.
func (r *recording) end(one *attempt) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pending, one)
	return one.isLate
}

// look gives up what is late. One timer for all records: to set one for each costs more than
// what it watches. It ends when there is nothing to watch.
func (r *recording) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for one := range r.pending {
		if !one.isLate && time.Since(one.since) >= r.limit {
			one.isLate = true
			r.late.Add(1)
			go one.giveUp()
		}
	}
	if r.watching = len(r.pending) > 0; r.watching {
		time.AfterFunc(r.limit/5, r.look)
	}
}
