package platform

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// standardFiles are input, output and error: every program gets them.
const standardFiles = 3

// KeepDescriptors keeps the files that this process inherited, other than its standard
// three, from the programs that it starts: a daemon must not hold a pipe or a lock
// that another program waits for. giveBack undoes that, for a program that replaces
// this one.
func KeepDescriptors() (giveBack func()) {
	kept := inherited()
	for _, fd := range kept {
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
	}
	return func() {
		for _, fd := range kept {
			_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
		}
	}
}

// inherited are those that came through exec. What Go opens itself is closed on exec.
func inherited() (list []int) {
	names, _ := os.ReadDir("/proc/self/fd")
	for _, name := range names {
		fd, err := strconv.Atoi(name.Name())
		if err != nil || fd < standardFiles {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			list = append(list, fd)
		}
	}
	return list
}
