package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
)

// Append fills in Seq, Time, Prev and Hash of r, writes it, and returns it as
// written. Without an error, the record is in the file (with Power: on the disk).
// After an error the caller must not deliver what the record is about; the chain
// stays intact, and a later Append may succeed.
func (l *Log) Append(r Record) (Record, error) {
	r.Reason, r.Rule = clip(r.Reason, MaxReason), clip(r.Rule, MaxReason)
	if l.discards {
		r.Time = l.now().Round(0).UTC()
		return r, nil
	}
	if r.Op == keys.OpEnd {
		l.SaveIndex()
	}
	if err := l.write(&r); err != nil {
		return Record{}, err
	}
	if l.power {
		if err := l.sync(r.Seq); err != nil {
			return Record{}, err
		}
	}
	return r, nil
}

// maxBatch bounds how many records one write(2) carries: what it takes to have the
// disk's delay once for all clients that wait, and no more memory than 64 KiB.
const maxBatch = 64

// queued is a record that waits to be written.
type queued struct {
	record *Record
	err    error
	turn   chan bool // true: it is written, or err says why not; false: its Append writes the next batch
}

// write writes r. Records that arrive during a write are written together by the next
// one, so that a slow disk delays each of them once.
func (l *Log) write(r *Record) error {
	one := &queued{record: r, turn: make(chan bool, 1)}
	l.mu.Lock()
	l.queue = append(l.queue, one)
	leads := !l.writing
	l.writing = true
	l.mu.Unlock()
	if !leads && <-one.turn {
		return one.err
	}
	l.writeNext()
	return one.err
}

// writeNext writes the records that wait, up to maxBatch, and lets another Append write
// those that came meanwhile.
func (l *Log) writeNext() {
	l.io.Lock()
	l.mu.Lock()
	n := min(len(l.queue), maxBatch)
	batch := l.queue[:n:n]
	l.queue = l.queue[n:]
	closed := l.closed
	l.mu.Unlock()
	err := ErrClosed
	if !closed {
		err = l.writeBatch(batch)
	}
	l.io.Unlock()

	l.mu.Lock()
	if len(l.queue) > 0 {
		l.queue[0].turn <- false
	} else {
		l.queue, l.writing = nil, false
	}
	l.mu.Unlock()
	for _, one := range batch {
		if one.err == nil {
			one.err = err
		}
		one.turn <- true
	}
}

// writeBatch writes records, and before them those that are owed. io is held.
func (l *Log) writeBatch(batch []*queued) error {
	now := l.now().Round(0).UTC()
	if err := l.ensureOpen(monthOf(now)); err != nil {
		return err
	}
	for len(l.owed) > 0 {
		if err := l.writeRecords([]*queued{{record: l.owed[0]}}, now); err != nil {
			return err
		}
		l.owed = l.owed[1:]
	}
	err := l.writeRecords(batch, now)
	if err == nil || len(batch) == 1 {
		return err
	}
	for _, one := range batch { // what refuses one request, or has room for one, must not refuse all
		one.err = l.writeBatch([]*queued{one})
	}
	return nil
}

// ensureOpen opens the file of the month. After the clock was set back it does not
// return to an earlier file: the files stay in the order of the chain.
func (l *Log) ensureOpen(month string) error {
	switch {
	case l.file == nil:
		return l.reopen(month)
	case month > l.month:
		if err := l.closeFile(); err != nil {
			l.note(err.Error(), l.month)
			return err
		}
		return l.open(month)
	}
	return nil
}

// reopen opens the file after a fault. The chain continues from memory, not
// from the file, so that a change of the file shows.
func (l *Log) reopen(month string) error {
	if err := makeDir(l.dir); err != nil {
		return err
	}
	if err := l.relock(); err != nil {
		return err
	}
	return l.open(max(month, l.month))
}

// relock takes the locks that Open could not, and again those whose file was removed:
// another process could hold a new file of that name.
func (l *Log) relock() (err error) {
	if l.guard, err = sameLock(l.guard, l.dir, lockDir); err != nil {
		return err
	}
	first := l.lock == nil
	if l.lock, err = sameLock(l.lock, filepath.Join(l.dir, lockName), openLock); err != nil || !first {
		return err
	}
	if err = l.catchUp(); err != nil {
		l.lock, err = nil, errors.Join(err, l.lock.Close())
	}
	return err
}

// sameLock returns held if path is still its file, and otherwise takes a new lock. On an
// error it returns held.
func sameLock(held *os.File, path string, take func(string) (*os.File, error)) (*os.File, error) {
	if held != nil {
		ours, err := held.Stat()
		if err != nil {
			return held, err
		}
		if theirs, err := os.Lstat(path); err == nil && os.SameFile(ours, theirs) {
			return held, nil
		}
	}
	fresh, err := take(path)
	if err != nil {
		return held, err
	}
	if held != nil {
		_ = held.Close()
	}
	return fresh, nil
}

// catchUp finds the end of the chain again, which another broker may have continued while
// this one had no lock and wrote nothing. Where the record that was the last one is not in its
// place any more, the chain goes on from memory, so that the change shows.
func (l *Log) catchUp() error {
	if l.head.Seq > 0 && !endsAt(l.dir, l.month, l.size, link{l.head.Seq, l.head.Hash}) {
		return nil
	}
	return errors.Join(l.resume(), l.closeFile())
}

// writeRecords writes the lines of records with one write(2), between two checks of
// the file. The first keeps them out of a file that was tampered with; the second makes
// sure that they are in the file that people read. A record that cannot be encoded gets
// its own error; the others are written.
func (l *Log) writeRecords(batch []*queued, now time.Time) error {
	l.lines.Reset()
	head, written := l.head, make([]indexed, 0, len(batch))
	for _, one := range batch {
		r := one.record
		if r.Index = ""; len(written) == 0 {
			r.Index = l.vouches
		}
		r.Seq, r.Time, r.Prev = head.Seq+1, now, head.Hash
		line, err := encode(&l.line, r)
		if err != nil {
			one.err = err
			continue
		}
		l.lines.Write(line)
		head = Head{Seq: r.Seq, Hash: r.Hash, File: l.file.Name()}
		written = append(written, indexed{r, int64(len(line))})
	}
	if err := l.check(l.size); err != nil {
		return err
	}
	if _, err := l.put(l.file, l.lines.Bytes()); err != nil {
		return l.undo(err)
	}
	size := l.size + int64(l.lines.Len())
	if err := l.check(size); err != nil {
		return err
	}
	l.mu.Lock()
	l.size, l.head = size, head
	l.mu.Unlock()
	l.written(written, size-int64(l.lines.Len()))
	return nil
}

// undo removes the part of a line that was written. If that fails too, the
// next Append cuts off the incomplete last line.
func (l *Log) undo(cause error) error {
	err := problem.With(fmt.Errorf("write: %w", cause), "make room for the log's directory, and try again")
	if undo := truncate(l.file, l.size); undo != nil {
		l.fail(fmt.Sprintf("a failed write could not be undone: %v", undo))
		return errors.Join(err, undo)
	}
	return err
}

// check checks that the file still has its name and the length that it was
// left with. It costs a microsecond. Without it, the records of signatures could
// end up in a file that nobody can read any more.
func (l *Log) check(size int64) error {
	info, err := os.Lstat(l.file.Name())
	what := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		what = "vanished"
	case err != nil:
		return err
	case !os.SameFile(info, l.info):
		what = "was replaced by another file"
	case info.Size() != size:
		what = fmt.Sprintf("was changed by another program (%d bytes long instead of %d)", info.Size(), size)
	default:
		return nil
	}
	name := fileOf(l.month)
	l.fail(fmt.Sprintf("the file %s after record %d", what, l.head.Seq))
	return problem.With(fmt.Errorf("%s %s while in use", name, what), "this request is refused, and the next one starts a new file; see `keybroker log verify`")
}

// fail closes the file. The next Append opens it again and notes why.
func (l *Log) fail(why string) {
	l.note(why, l.month)
	l.mu.Lock()
	l.noteSyncLocked(l.head.Seq, errors.New(why))
	file := l.file
	l.file = nil
	l.mu.Unlock()
	file.Close()
}
