package platformtest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// endTime is how long a program may take to end after SIGTERM, on a busy machine.
const endTime = 30 * time.Second

// Home makes a directory to be the HOME of programs, with a path short enough for
// sockets in it. When the test ends, so do they: what a bus or a desktop has started,
// such as xfconfd, writes its files until then. After that the directory is removed.
func Home(t testing.TB, prefix string) string {
	t.Helper()
	home, err := os.MkdirTemp("", prefix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		endProgramsAt(home)
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	return home
}

// endProgramsAt ends the programs with this HOME, and waits until there are none. Each
// is asked once: one that is asked again begins again to write what it keeps.
func endProgramsAt(home string) {
	asked := map[int]bool{}
	for end := time.Now().Add(endTime); ; time.Sleep(10 * time.Millisecond) {
		pids := programsAt(home)
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			switch {
			case time.Now().After(end):
				signalAt(home, pid, unix.SIGKILL)
			case !asked[pid]:
				asked[pid] = true
				signalAt(home, pid, unix.SIGTERM)
			}
		}
	}
}

// signalAt signals the process that it has looked at, and no later one of its number.
func signalAt(home string, pid int, signal syscall.Signal) {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it has ended
	}
	defer unix.Close(process)
	if isAt(home, pid) {
		_ = unix.PidfdSendSignal(process, signal, nil, 0)
	}
}

func programsAt(home string) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if isAt(home, pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isAt reports whether the process has this HOME. One that has ended has none.
func isAt(home string, pid int) bool {
	environ, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return strings.Contains("\x00"+string(environ), "\x00HOME="+home+"\x00")
}
