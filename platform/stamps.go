package platform

import (
	"maps"
	"time"
)

// settleTime is how old a change must be before its time stamp is trusted to differ
// from the next one: file systems have a resolution of milliseconds (ext4) to two
// seconds (FAT).
const settleTime = 2 * time.Second

// Stamps show whether files and directories have changed since they were read. A
// directory changes when files are renamed, linked or removed in it, not when one is
// written into. The zero value is ready to use.
type Stamps struct {
	files     map[string]fileStamp
	young     bool
	untrusted bool
}

// fileStamp is zero where there is no file.
type fileStamp struct {
	device, inode     uint64
	size              int64
	modified, changed time.Time // no program can choose the second one on Unix
}

// Take notes the stamp of a path, which need not exist. Call it before reading, so that
// a change in between shows.
func (s *Stamps) Take(path string) {
	if s.files == nil {
		s.files = map[string]fileStamp{}
	}
	stamp := stampOf(path)
	s.files[path] = stamp
	s.young = s.young || time.Since(stamp.modified) <= settleTime
}

// Distrust is for a reading that failed: what caused it, such as a lack of file
// descriptors, leaves no trace in a stamp when it is over.
func (s *Stamps) Distrust() { s.untrusted = true }

// Unchanged reports whether the files are still as they were read. It is false while a
// stamp is so young that another change could leave the same stamp, and after Distrust.
func (s *Stamps) Unchanged() bool {
	if s.young || s.untrusted {
		return false
	}
	for path, then := range s.files {
		if stampOf(path) != then {
			return false
		}
	}
	return true
}

// Equal says that both have the same stamps of the same paths.
func (s *Stamps) Equal(other *Stamps) bool { return maps.Equal(s.files, other.files) }
