package ways

import (
	"os"

	"golang.org/x/sys/unix"
)

const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETS
)

// flush drops what was typed and not read: tcflush(fd, TCIFLUSH).
func flush(tty *os.File) error {
	return control(tty, func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) })
}

// setExclusive keeps other programs of the user from opening the terminal (ioctl_tty(2),
// TIOCEXCL), or lets them again. Root still can, and whoever has it open keeps it.
func setExclusive(tty *os.File, on bool) error {
	request := uint(unix.TIOCNXCL)
	if on {
		request = unix.TIOCEXCL
	}
	return control(tty, func(fd int) error { return unix.IoctlSetInt(fd, request, 0) })
}
