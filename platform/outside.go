package platform

import (
	"slices"
	"strings"
)

// Outside says that the program's file lies outside the system's directories,
// where the user's own programs can put one under any name. It is false if the
// file's path is unknown.
func (p Process) Outside() bool {
	return p.Executable != "" && !slices.ContainsFunc(systemDirectories(), func(dir string) bool {
		return strings.HasPrefix(foldPath(p.Executable), dir)
	})
}

// OutsideFile is the path of the program's file when its name alone may deceive:
// it is Outside, or the program has mounts of its own, so that the path leads to
// another file there. Else it is "". Escape it before showing.
func (p Peer) OutsideFile() string {
	if p.Outside() || p.Shares.OwnMounts {
		return p.Executable
	}
	return ""
}
