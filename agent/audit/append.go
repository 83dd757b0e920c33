package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

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
	if err := l.write(&r); err != nil {
		return Record{}, err
	}
	if l.power {
		if err := l.sync(r.Seq); err != nil {
			return Record{}, err
		}
	}
	if l.observe != nil {
		l.observe(r)
	}
	return r, nil
}

func (l *Log) write(r *Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	now := l.now().Round(0).UTC()
	if err := l.ensureOpenLocked(monthOf(now)); err != nil {
		return err
	}
	for len(l.notes) > 0 {
		if err := l.writeLocked(&Record{Decision: Note, Reason: l.notes[0]}, now); err != nil {
			return err
		}
		l.notes = l.notes[1:]
	}
	return l.writeLocked(r, now)
}

// ensureOpenLocked opens the file of the month. After the clock was set back it
// does not return to an earlier file: the files stay in the order of the chain.
func (l *Log) ensureOpenLocked(month string) error {
	switch {
	case l.file == nil:
		return l.reopenLocked(max(month, l.month))
	case month > l.month:
		if err := l.closeFileLocked(); err != nil {
			l.noteLocked(err.Error(), l.month)
			return err
		}
		return l.openLocked(month)
	}
	return nil
}

// reopenLocked opens the file after a fault. The chain continues from memory, not
// from the file, so that a change of the file shows.
func (l *Log) reopenLocked(month string) error {
	if err := makeDir(l.dir); err != nil {
		return err
	}
	if err := l.relockLocked(); err != nil {
		return err
	}
	return l.openLocked(month)
}

// relockLocked takes the lock again if its file was removed: another process could
// hold a new file of that name.
func (l *Log) relockLocked() error {
	path := filepath.Join(l.dir, lockName)
	ours, err := l.lock.Stat()
	if err != nil {
		return err
	}
	if theirs, err := os.Lstat(path); err == nil && os.SameFile(ours, theirs) {
		return nil
	}
	lock, err := openLock(path)
	if err != nil {
		return err
	}
	l.lock.Close()
	l.lock = lock
	return nil
}

// writeLocked writes one line with one write(2), between two checks of the file.
// The first keeps the record out of a file that was tampered with; the second makes
// sure that it is in the file that people read.
func (l *Log) writeLocked(r *Record, now time.Time) error {
	r.Seq, r.Time, r.Prev = l.head.Seq+1, now, l.head.Hash
	line, err := encode(&l.line, r)
	if err != nil {
		return err
	}
	if err := l.checkLocked(l.size); err != nil {
		return err
	}
	if _, err := l.file.Write(line); err != nil {
		return l.undoLocked(err)
	}
	if err := l.checkLocked(l.size + int64(len(line))); err != nil {
		return err
	}
	l.size += int64(len(line))
	l.head = Head{Seq: r.Seq, Hash: r.Hash, File: l.file.Name()}
	return nil
}

// undoLocked removes the part of a line that was written. If that fails too, the
// next Append cuts off the incomplete last line.
func (l *Log) undoLocked(cause error) error {
	err := problem.With(fmt.Errorf("write: %w", cause), "make room for the log's directory, and try again")
	if undo := truncate(l.file, l.size); undo != nil {
		l.failLocked(fmt.Sprintf("a failed write could not be undone: %v", undo))
		return errors.Join(err, undo)
	}
	return err
}

// checkLocked checks that the file still has its name and the length that it was
// left with. It costs a microsecond. Without it, the records of signatures could
// end up in a file that nobody can read any more.
func (l *Log) checkLocked(size int64) error {
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
	l.failLocked(fmt.Sprintf("the file %s after record %d", what, l.head.Seq))
	return problem.With(fmt.Errorf("%s %s while in use", name, what), "this request is refused, and the next one starts a new file; see `keybroker log verify`")
}

// failLocked closes the file. The next Append opens it again and notes why.
func (l *Log) failLocked(note string) {
	l.noteLocked(note, l.month)
	l.noteSyncLocked(l.head.Seq, errors.New(note))
	l.file.Close()
	l.file = nil
}
