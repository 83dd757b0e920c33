//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package ways

import (
	"os"

	"golang.org/x/sys/unix"
)

const (
	getTermios = unix.TIOCGETA
	setTermios = unix.TIOCSETA
)

// flush drops what was typed and not read: tcflush(fd, TCIFLUSH). Never run: there is no such machine to test on.
func flush(tty *os.File) error {
	const input = 1 // FREAD of <sys/fcntl.h>
	return control(tty, func(fd int) error { return unix.IoctlSetPointerInt(fd, unix.TIOCFLUSH, input) })
}

// setExclusive keeps other programs of the user from opening the terminal (tty(4)). Never run: there is no such machine to test on.
func setExclusive(tty *os.File, on bool) error {
	request := uint(unix.TIOCNXCL)
	if on {
		request = unix.TIOCEXCL
	}
	return control(tty, func(fd int) error { return unix.IoctlSetInt(fd, request, 0) })
}
