package platform

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// eventBytes holds some events: the head of one has 16 bytes, its name up to 256.
const eventBytes = 4 << 10

// watchDir uses inotify(7).
func watchDir(dir string) (*DirWatch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	const names = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO
	const itself = unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	if _, err := unix.InotifyAddWatch(fd, dir, names|itself|unix.IN_ONLYDIR); err != nil {
		_ = events.Close()
		return nil, os.NewSyscallError("inotify_add_watch", err)
	}
	changes := make(chan struct{}, 1)
	go tellChanges(events, changes)
	return &DirWatch{changes, func() { _ = events.Close() }}, nil
}

// tellChanges reads until the directory is gone or the file is closed.
func tellChanges(events *os.File, changes chan<- struct{}) {
	defer close(changes)
	defer events.Close()
	buf := make([]byte, eventBytes)
	for {
		n, err := events.Read(buf)
		if err != nil || n < unix.SizeofInotifyEvent {
			return
		}
		select {
		case changes <- struct{}{}:
		default:
		}
		if ended(buf[:n]) {
			return
		}
	}
}

// ended reports whether one of the events is about the directory itself.
func ended(events []byte) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		mask, name := binary.NativeEndian.Uint32(events[4:]), binary.NativeEndian.Uint32(events[12:])
		if mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_IGNORED|unix.IN_UNMOUNT) != 0 {
			return true
		}
		events = events[min(len(events), unix.SizeofInotifyEvent+int(name)):]
	}
	return false
}
