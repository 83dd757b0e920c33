package platform

import (
	"context"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// bind makes the socket with mode 0600 from the start. Linux gives the new file the
// mode of the unbound socket (minus the umask), so the umask, which belongs to the
// whole process, stays as it is.
func bind(path string) (*net.UnixListener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if e := raw.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }); e != nil {
			return e
		}
		return err
	}}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	return l.(*net.UnixListener), nil
}
