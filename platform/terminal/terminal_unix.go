//go:build unix

package terminal

import "golang.org/x/sys/unix"

// Path is the terminal of this process, even if standard input is not.
const Path = "/dev/tty"

// hide turns off the echo of the terminal; Ctrl-C still sends a signal.
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
