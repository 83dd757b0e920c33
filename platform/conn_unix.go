//go:build unix

package platform

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket is one end of a pair. Unlike a pipe, another process of the user cannot open a
// socket through /proc/PID/fd.
type socket struct{ *os.File }

func (s socket) CloseWrite() error {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = unix.Shutdown(int(fd), unix.SHUT_WR) }); err != nil {
		return err
	}
	return inner
}

// connect makes a connection to a program, of which both its standard input and
// its output are the other end.
func connect() (ours Conn, stdin, stdout *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "broker")
	if err := syscall.SetNonblock(fds[0], true); err != nil { // so that a read can be ended
		_ = syscall.Close(fds[0])
		_ = theirs.Close()
		return nil, nil, nil, os.NewSyscallError("fcntl", err)
	}
	return socket{os.NewFile(uintptr(fds[0]), "program")}, theirs, theirs, nil
}
