package platform

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

func whileThere(ctx context.Context, conn net.Conn, p Peer) (context.Context, func()) {
	there, end := context.WithCancel(ctx)
	var files []*os.File
	var waits sync.WaitGroup
	watch := func(file *os.File, events int16) {
		if file == nil {
			return
		}
		files = append(files, file)
		waits.Go(func() {
			if waitFor(file, events) {
				end()
			}
		})
	}
	watch(sameSocket(conn), unix.POLLHUP|unix.POLLERR)
	process, err := processFile(p)
	if err != nil { // it has ended
		end()
	}
	watch(process, unix.POLLIN)
	return there, func() {
		end()
		for _, file := range files {
			_ = file.Close() // ends its wait
		}
		waits.Wait()
	}
}

// waitFor reports whether one of events came; false if the file was closed first. Other
// events wake it and are ignored.
func waitFor(file *os.File, events int16) bool {
	raw, err := file.SyscallConn()
	if err != nil {
		return false
	}
	return raw.Read(func(fd uintptr) bool {
		fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
		n, err := unix.Poll(fds, 0)
		return err == nil && n > 0 && fds[0].Revents&events != 0
	}) == nil
}

// sameSocket is another descriptor of conn's socket: its own may be in use by a read.
func sameSocket(conn net.Conn) *os.File {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	fd := -1
	if e := raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); e != nil || err != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), "socket")
}

// processFile is a pidfd of p, or nil if the system has none. An error means that p has
// ended.
func processFile(p Peer) (*os.File, error) {
	if !p.Identified {
		return nil, nil
	}
	fd, err := unix.PidfdOpen(p.PID, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.EINVAL) { // Linux before 5.10
		fd, err = unix.PidfdOpen(p.PID, 0)
	}
	switch {
	case errors.Is(err, unix.ESRCH):
		return nil, err
	case err != nil:
		return nil, nil
	}
	if now, err := readStat(p.PID); err != nil || now.start != p.Start { // the pid went to another
		_ = unix.Close(fd)
		return nil, unix.ESRCH
	}
	_ = unix.SetNonblock(fd, true)
	return os.NewFile(uintptr(fd), "process"), nil
}

func pidOf(conn net.Conn) (pid int) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}
