package audit

import (
	"errors"
	"os"
	"path/filepath"
)

// indexed is a record that was written, and the length of its line.
type indexed struct {
	record *Record
	size   int64
}

// written is told what was written, in the order of the chain. io is held.
func (l *Log) written(records []indexed, at int64) {
	if l.vouches != "" { // the first of the records has it
		l.vouches, l.vouched = "", true
		l.background.Go(l.publishIndex)
	}
	l.scheduleFlush()
	if l.index == nil {
		return
	}
	due := false
	for _, one := range records {
		due = l.index.written(l.month, at, one.record, one.size)
		at += one.size
	}
	if due && !l.savingIndex {
		l.savingIndex = true
		l.background.Go(l.saveIndex)
	}
}

// SaveIndex writes the index, if it is worth that: after Load, or at the end of the broker.
// The next record puts it in force.
func (l *Log) SaveIndex() {
	if l.index.worthSaving() {
		l.saveIndex()
	}
}

// saveIndex writes the index beside the one that is in force, and has the next record
// vouch for it. Without room the old one stays, which only costs time.
func (l *Log) saveIndex() {
	l.saving.Lock()
	defer l.saving.Unlock()
	l.publishSaving()
	data := l.index.encode()
	defer func() {
		l.io.Lock()
		defer l.io.Unlock()
		l.savingIndex = false
	}()
	if data == nil {
		return
	}
	l.flush() // what the index covers must not be younger than it after a power cut
	path := filepath.Join(l.dir, indexName+".new")
	if err := writeNew(path, data); err != nil {
		l.log.Warn("the index of the audit log cannot be written; commands read the log itself", "error", err)
		return
	}
	l.io.Lock()
	defer l.io.Unlock()
	l.vouches = hexHash(data)
}

func writeNew(path string, data []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	file, err := openOwn(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Sync(), file.Close())
}

// publishIndex puts an index in force after the record that vouches for it is on the
// disk.
func (l *Log) publishIndex() {
	l.saving.Lock()
	defer l.saving.Unlock()
	l.publishSaving()
}

func (l *Log) publishSaving() {
	l.io.Lock()
	vouched := l.vouched
	l.vouched = false
	l.io.Unlock()
	if !vouched {
		return
	}
	l.flush()
	path := filepath.Join(l.dir, indexName)
	if err := os.Rename(path+".new", path); err != nil && !errors.Is(err, os.ErrNotExist) {
		l.log.Warn("the index of the audit log cannot be replaced", "error", err)
	}
}
