package platform

import (
	"slices"
	"strings"
)

// Outside reports whether the program's file is outside the system's directories, where
// the user's own programs can create files of any name. It is false if the path is
// unknown.
func (p Process) Outside() bool {
	return p.Executable != "" && !slices.ContainsFunc(systemDirectories(), func(dir string) bool {
		return strings.HasPrefix(foldPath(p.Executable), dir)
	})
}

// OutsideFile is the path of the program's file if its name alone may deceive: if it is
// Outside, or if the program has its own mounts, so that the path leads to another file
// there. Otherwise it is "". Escape it before showing it.
func (p Peer) OutsideFile() string {
	if p.Outside() || p.Shares.OwnMounts {
		return p.Executable
	}
	return ""
}
