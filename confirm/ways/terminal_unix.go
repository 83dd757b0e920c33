//go:build unix

package ways

import (
	"errors"
	"os"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/unix"
)

// ttyFile is what a terminal reads and writes.
type ttyFile = *os.File

func openTTY(file *os.File) (ttyFile, error) { return file, nil }

// control runs f on the descriptor without os.File.Fd, which would make reads
// of the file uninterruptible.
func control(tty *os.File, f func(fd int) error) error {
	raw, err := tty.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// reopen duplicates the descriptor. The copy has separate deadlines.
func reopen(tty ttyFile) (ttyFile, error) {
	fd := -1
	err := control(tty, func(old int) (err error) {
		fd, err = unix.FcntlInt(uintptr(old), unix.F_DUPFD_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), tty.Name()), nil
}

// checkTerminal refuses a file that is not a terminal, and a terminal whose foreground
// belongs to another job: the kernel would stop the daemon when it reads.
func checkTerminal(tty *os.File) error {
	return control(tty, func(fd int) error {
		if _, err := unix.IoctlGetTermios(fd, getTermios); err != nil {
			return errors.New("" + tty.Name() + " is not a terminal")
		}
		if group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err == nil && group != 0 && group != unix.Getpgrp() {
			return errBackground
		}
		return nil
	})
}

var errBackground = problem.New("the daemon runs in the background of its terminal", `bring it to the foreground, or set prompt = "pinentry"`)

// setMode sets line mode, with or without echo, and disables the keys that send
// signals: Ctrl-C closes the question and must not end the daemon with the echo off.
// It returns the function that restores the terminal.
func setMode(tty *os.File, echo bool) (restore func(), err error) {
	if err := checkTerminal(tty); err != nil {
		return nil, err
	}
	var before unix.Termios
	err = control(tty, func(fd int) error {
		found, err := unix.IoctlGetTermios(fd, getTermios)
		if err != nil {
			return err
		}
		before = *found
		now := before
		now.Iflag |= unix.ICRNL
		now.Iflag &^= unix.IGNCR | unix.INLCR
		now.Oflag |= unix.OPOST | unix.ONLCR
		now.Lflag |= unix.ICANON
		now.Lflag &^= unix.ISIG | unix.ECHO | unix.ECHONL
		if echo {
			now.Lflag |= unix.ECHO
		}
		now.Cc[unix.VEOL] = ctrlC
		return unix.IoctlSetTermios(fd, setTermios, &now)
	})
	if err != nil {
		return nil, err
	}
	return func() {
		_ = flush(tty) // half a line must not reach the shell or the next question
		_ = control(tty, func(fd int) error { return unix.IoctlSetTermios(fd, setTermios, &before) })
	}, nil
}

// sizeOf asks the terminal (ioctl_tty(2), TIOCGWINSZ).
func sizeOf(tty *os.File) (s size) {
	_ = control(tty, func(fd int) error {
		found, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err == nil {
			s = size{int(found.Col), int(found.Row)}
		}
		return err
	})
	return s
}
