package audit

import (
	"fmt"
	"os"

	"github.com/keybroker/keybroker/problem"
)

// errUnsynced is for records that were written but may be gone after a power
// cut, because the fsync that covered them failed. A later fsync proves nothing
// about them: the kernel reports a failure once and forgets.
var errUnsynced = problem.New("the record could not be brought to the disk", `check the disk; durability = "process" would do without`)

// sync returns when the record seq is on the disk. Appends that come while one
// fsync runs wait for the next one and share it.
func (l *Log) sync(seq uint64) error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	file, upTo, done, err := l.pending(seq)
	if done {
		return err
	}
	failure := l.fsync(file)

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.synced >= seq { // the file was closed meanwhile, and synced before that
		return l.resultLocked(seq)
	}
	if failure != nil && l.file == file {
		l.failLocked(fmt.Sprintf("fsync failed at record %d: %v", upTo, failure))
	}
	l.settleLocked(upTo, failure)
	return l.resultLocked(seq)
}

// pending tells what an fsync for record seq has to cover, or that it is done.
func (l *Log) pending(seq uint64) (file *os.File, upTo uint64, done bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.synced >= seq || l.lost >= seq || l.file == nil {
		return nil, 0, true, l.resultLocked(seq)
	}
	return l.file, l.head.Seq, false, nil
}

func (l *Log) resultLocked(seq uint64) error {
	if seq <= l.lost || seq > l.synced {
		return errUnsynced
	}
	return nil
}

// settleLocked notes how an fsync over the records up to upTo ended.
func (l *Log) settleLocked(upTo uint64, err error) {
	switch {
	case upTo <= l.synced:
	case err == nil && l.lost < upTo:
		l.synced = upTo
	case err != nil:
		l.lost = max(l.lost, upTo)
	}
}
