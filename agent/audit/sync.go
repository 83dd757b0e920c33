package audit

import (
	"fmt"
	"os"

	"github.com/keybroker/keybroker/problem"
)

// errUnsynced is for records that were written but may be lost in a power cut,
// because their fsync failed. A later fsync proves nothing about them: the kernel
// reports a failure only once.
var errUnsynced = problem.New("the record could not be flushed to the disk", `check the disk, or set durability = "process", which does not wait for it`)

// sync returns when the record seq is on the disk. Appends that arrive while an
// fsync runs wait for the next one and share it.
func (l *Log) sync(seq uint64) error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	file, upTo, done, err := l.pending(seq)
	if done {
		return err
	}
	failure := l.fsync(file)
	if failure != nil {
		l.failSync(file, upTo, failure)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.synced < seq { // else the file was synced and closed meanwhile
		l.noteSyncLocked(upTo, failure)
	}
	return l.resultLocked(seq)
}

// failSync has the next Append open the file anew, unless the records were synced
// when it was closed.
func (l *Log) failSync(file *os.File, upTo uint64, failure error) {
	l.io.Lock()
	defer l.io.Unlock()
	if l.file == file {
		l.fail(fmt.Sprintf("fsync failed at record %d: %v", upTo, failure))
	}
}

// pending returns what an fsync for record seq must cover, or that it is done.
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

// noteSyncLocked notes the result of an fsync of the records up to upTo.
func (l *Log) noteSyncLocked(upTo uint64, err error) {
	switch {
	case upTo <= l.synced:
	case err == nil && l.lost < upTo:
		l.synced = upTo
	case err != nil:
		l.lost = max(l.lost, upTo)
	}
}
