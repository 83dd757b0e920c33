package platform

import (
	"bytes"
	"sync"
	"unique"

	"golang.org/x/sys/unix"
)

// maxControlGroup bounds the path that is kept of a control group.
const maxControlGroup = 512

// ourNamespaces are read once: this process enters no others.
var ourNamespaces = sync.OnceValues(func() (pids, mounts string) {
	return linkAt(unix.AT_FDCWD, "/proc/self/ns/pid"), linkAt(unix.AT_FDCWD, "/proc/self/ns/mnt")
})

// surroundings compares pid namespaces: a process in another one is in a container. A
// namespace that cannot be read counts as ours.
func surroundings(pid int) (contained bool, shared Shares) {
	dir, err := openProc(pid)
	if err != nil {
		return false, Shares{}
	}
	defer unix.Close(dir)
	if pids, mounts := linkAt(dir, "ns/pid"), linkAt(dir, "ns/mnt"); pids != "" {
		ourPIDs, ourMounts := ourNamespaces()
		contained, shared.OwnMounts = pids != ourPIDs, mounts != ourMounts
		shared.Namespaces = once(pids + " " + mounts)
	}
	shared.ControlGroup = once(controlGroup(dir))
	return contained, shared
}

// once makes equal strings share their memory: thousands of peers have the same.
func once(s string) string { return unique.Make(s).Value() }

// controlGroup is that of version 2, in the line "0::PATH" (cgroups(7)).
func controlGroup(dir int) string {
	text, err := readAt(dir, "cgroup", make([]byte, maxControlGroup))
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(text) {
		if path, ok := bytes.CutPrefix(line, []byte("0::")); ok {
			return string(bytes.TrimSpace(path))
		}
	}
	return ""
}
