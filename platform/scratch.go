package platform

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// scratchYoung is how old a directory must be before another run may take it for the
	// leftover of a killed one: its maker has locked it long before.
	scratchYoung = 10 * time.Minute
	// maxSwept bounds how many entries are looked at: other users can make any number.
	maxSwept = 100_000
)

// swept are the prefixes that this process has swept already.
var swept sync.Map

// Scratch is a directory for files of this process alone, mode 0700. Close removes it. If
// the process is killed before that, the next NewScratch with its prefix does.
type Scratch struct {
	Dir  string
	lock *os.File // nil: the system has no such locks
}

// NewScratch makes a directory whose name begins with prefix, and removes those that
// killed processes of this user left.
func NewScratch(prefix string) (*Scratch, error) {
	if _, done := swept.LoadOrStore(prefix, true); !done {
		sweepScratch(os.TempDir(), prefix, time.Now())
	}
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, err
	}
	lock, err := lockScratch(dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	return &Scratch{dir, lock}, nil
}

// Close removes the directory.
func (s *Scratch) Close() error {
	err := os.RemoveAll(s.Dir)
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

// sweepScratch removes directories of this user that no living process has locked. What
// cannot be removed stays: it harms nobody.
func sweepScratch(parent, prefix string, now time.Time) {
	root, err := os.OpenRoot(parent) // nothing outside of it is touched, whatever others rename or link
	if err != nil {
		return
	}
	defer root.Close()
	dir, err := root.Open(".")
	if err != nil {
		return
	}
	defer dir.Close()
	for seen := 0; seen < maxSwept; {
		list, err := dir.ReadDir(1000)
		seen += len(list)
		for _, entry := range list {
			if strings.HasPrefix(entry.Name(), prefix) && entry.IsDir() {
				removeIfDead(root, entry.Name(), now)
			}
		}
		if err != nil {
			return
		}
	}
}

// removeIfDead removes one directory, if it is old, this user's and not locked.
func removeIfDead(root *os.Root, name string, now time.Time) {
	info, err := root.Lstat(name)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 || now.Sub(info.ModTime()) < scratchYoung {
		return
	}
	lock, dead := deadScratch(filepath.Join(root.Name(), name), info)
	if dead {
		_ = root.RemoveAll(name)
	}
	if lock != nil {
		lock.Close()
	}
}

// sameDir reports whether an open directory is the one that was looked at.
func sameDir(open *os.File, seen fs.FileInfo) bool {
	info, err := open.Stat()
	return err == nil && os.SameFile(info, seen)
}
