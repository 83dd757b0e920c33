//go:build unix

package terminal

import "golang.org/x/sys/unix"

// hide has the terminal read lines without showing them; Ctrl-C stays a signal.
func hide(fd int) error {
	mode, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return err
	}
	mode.Lflag &^= unix.ECHO
	mode.Lflag |= unix.ICANON | unix.ISIG
	mode.Iflag |= unix.ICRNL
	return unix.IoctlSetTermios(fd, setTermios, mode)
}
