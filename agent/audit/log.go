package audit

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/problem"
)

// ErrInUse is returned by Open when another process writes to the log.
var ErrInUse = problem.New("another keybroker writes to this log", "stop that one first, or give this one another state directory")

// ErrClosed is returned by Append after Close.
var ErrClosed = errors.New("the log is closed")

// Durability is what a record survives after Append has returned.
type Durability string

const (
	Process Durability = "process" // it survives the end of the process
	Power   Durability = "power"   // it survives a power cut
)

// Config is what Open needs.
type Config struct {
	Dir        string
	Durability Durability       // "" is Process
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger     // nil: discard
	Index      *Index           // is told of each record, and kept in a file; nil: none is
}

// Head is the end of the chain.
type Head struct {
	Seq  uint64 `json:"seq"`            // 0: there is no record yet
	Hash string `json:"hash"`           // of the last record, or 64 zeros
	File string `json:"file,omitempty"` // path of the file that holds it
}

// Log is the only writer of a log directory. Its methods may be called concurrently.
type Log struct {
	dir      string
	power    bool
	discards bool // see Discard
	now      func() time.Time
	log      *slog.Logger
	index    *Index
	fsync    func(*os.File) error

	put func(*os.File, []byte) (int, error) // one write(2)

	syncing sync.Mutex // held over an fsync; taken before io and mu

	saving     sync.Mutex // held while the index is written; taken before syncing, io and mu
	background sync.WaitGroup

	io    sync.Mutex   // held over a write; taken before mu; guards the fields below
	lock  *os.File     // of lockName; nil: nothing was written yet, because the disk could not be
	guard *os.File     // the lock on dir itself, which needs no room on the disk; nil where there is none
	info  os.FileInfo  // of file
	month string       // of file; never goes back, even when the clock does
	owed  []*Record    // to be written before the next record
	line  bytes.Buffer // buffer for one line
	lines bytes.Buffer // buffer for what is written at once

	vouches     string // SHA-256 of an index that the next record is to vouch for; "": none
	vouched     bool   // a record did, and the index is to be put in force
	savingIndex bool

	// mu is never held over a disk. file, size and head change under both locks, so
	// that either is enough to read them.
	mu       sync.Mutex
	file     *os.File // nil: the next Append opens it
	size     int64    // of file
	head     Head
	queue    []*queued // to be written by the next Append that leads
	writing  bool      // an Append leads
	synced   uint64    // records up to this one are on the disk
	lost     uint64    // records up to this one may not be on the disk (Power)
	flushing bool      // a flush is scheduled (Process)
	unsynced bool      // the last flush failed (Process)
	closed   bool
}

// Open takes the writer's lock and finds the end of the chain. It cuts off an
// incomplete last line: the process was killed while writing it, so nothing was
// signed. It leaves a wrong last line, which Verify names. Either is noted in the
// log. Where the disk is full or read-only nothing can be appended until that ends,
// and nothing is signed; Open succeeds nevertheless, so that a broker that is started
// then serves what one does that met it while running. The error is ErrInUse or
// another one of the file system.
func Open(c Config) (*Log, error) {
	if c.Durability != "" && c.Durability != Process && c.Durability != Power {
		return nil, problem.With(fmt.Errorf("unknown durability %q", string(c.Durability)), `write "process" or "power"`)
	}
	l := &Log{dir: c.Dir, power: c.Durability == Power, now: c.Now, log: c.Log, index: c.Index, fsync: (*os.File).Sync, put: (*os.File).Write}
	if l.now == nil {
		l.now = time.Now
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if err := l.takeLock(); err != nil {
		return nil, err
	}
	if err := l.resume(); err != nil {
		return nil, errors.Join(err, l.releaseLock())
	}
	if l.index != nil {
		l.index.start = position{l.month, l.size}
	}
	return l, nil
}

// takeLock takes the writer's locks. On a disk that is full or read-only it may get none.
func (l *Log) takeLock() error {
	err := makeDir(l.dir)
	if err == nil {
		l.guard, err = lockDir(l.dir)
	}
	if err == nil {
		l.lock, err = openLock(filepath.Join(l.dir, lockName))
	}
	if isUnwritable(err) {
		l.log.Error("the audit log cannot be written", "error", err)
		l.lock, err = lockReadOnly(filepath.Join(l.dir, lockName))
	}
	if err != nil {
		_ = l.releaseLock()
	}
	return err
}

func (l *Log) releaseLock() (err error) {
	for _, file := range []*os.File{l.lock, l.guard} {
		if file != nil {
			err = errors.Join(err, file.Close())
		}
	}
	return err
}

// resume finds the newest file that is not empty.
func (l *Log) resume() error {
	head := Head{Hash: firstPrev}
	list, err := months(l.dir)
	if err != nil {
		return err
	}
	for i, month := range slices.Backward(list) {
		path := filepath.Join(l.dir, fileOf(month))
		end, err := tailOf(path)
		if err != nil {
			return err
		}
		if i == len(list)-1 {
			if err := l.continueIn(month, end); err != nil {
				return err
			}
		}
		l.note(end.badNote, month)
		if end.head.Seq > 0 {
			head, head.File = end.head, path
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head, l.synced = head, head.Seq
	return nil
}

// continueIn opens the newest file, if it can be written now.
func (l *Log) continueIn(month string, end tail) error {
	if l.lock != nil {
		if err := l.open(month); !isUnwritable(err) {
			return err
		}
	}
	l.month, l.size = month, end.end
	return nil
}

func tailOf(path string) (tail, error) {
	file, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return tail{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return tail{}, err
	}
	return readTail(file, info.Size())
}

// open opens the file of a month and cuts off an incomplete last line.
func (l *Log) open(month string) (err error) {
	file, err := openAppend(l.dir, month)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	end, err := tailOf(file.Name())
	if err != nil {
		return err
	}
	if end.cutNote != "" {
		if err := truncate(file, end.end); err != nil {
			return err
		}
		l.note(end.cutNote, month)
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	l.info, l.month = info, month
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file, l.size = file, info.Size()
	return nil
}

func (l *Log) note(text, month string) {
	if text == "" {
		return
	}
	text = fileOf(month) + ": " + text
	l.owed = append(l.owed, &Record{Decision: Note, Reason: text})
	l.log.Warn("audit log repaired", "note", text)
}

// Owe has r written before the next record. It is for a record that could not be
// appended, and without which the following ones would mislead.
func (l *Log) Owe(r Record) {
	l.io.Lock()
	defer l.io.Unlock()
	l.owed = append(l.owed, &r)
}

// Head returns the end of the chain. Verify must find it, unless the end was cut
// off.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Close closes the file and releases the writer's lock.
func (l *Log) Close() error {
	l.mu.Lock()
	closed := l.closed
	l.closed = true
	l.mu.Unlock()
	if closed || l.discards {
		return nil
	}
	l.io.Lock()
	err := l.closeFile()
	l.io.Unlock()
	l.background.Wait()
	return errors.Join(err, l.releaseLock())
}

// closeFile first syncs the file if records are not on the disk.
func (l *Log) closeFile() error {
	if l.file == nil {
		return nil
	}
	l.mu.Lock()
	dirty := l.synced < l.head.Seq
	l.mu.Unlock()
	var err error
	if dirty {
		err = l.fsync(l.file)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noteSyncLocked(l.head.Seq, err)
	err = errors.Join(err, l.file.Close())
	l.file = nil
	return err
}

// Discard returns a Log that keeps no record. It is for the drop-in, which like
// ssh-agent writes nothing to the disk (decision 0008); the broker never uses it.
func Discard() *Log { return &Log{discards: true, now: time.Now} }

// Discards reports whether no record is kept.
func (l *Log) Discards() bool { return l.discards }
