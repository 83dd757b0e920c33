package platform

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/unix"
)

// terminalMode is the widest mode of a terminal on which questions are asked: its owner
// reads and writes, and the group tty writes (write(1), wall(1)).
const terminalMode = 0o620

var errNoTerminal = problem.New("it has no terminal", "run it in one: an ssh login with a terminal (ssh -t), a tmux pane, a console")

func openTerminal(p Peer) (*os.File, error) {
	switch {
	case !p.Identified:
		return nil, errors.New("the program that asks for it could not be identified")
	case p.Container:
		return nil, problem.New("it runs in a container, where terminals have names of their own", "run it outside")
	case !strings.HasPrefix(p.Terminal, "pts/") && !strings.HasPrefix(p.Terminal, "tty"):
		return nil, errNoTerminal
	}
	if err := sits(p); err != nil {
		return nil, err
	}
	path := "/dev/" + p.Terminal
	tty, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, problem.With(fmt.Errorf("its terminal cannot be opened: %w", err), "log in as yourself there; a terminal that su or sudo kept belongs to somebody else")
	}
	if err := checkSeat(tty, p); err != nil {
		_ = tty.Close()
		return nil, err
	}
	return tty, nil
}

// checkSeat looks at the open file, not at a path.
func checkSeat(tty *os.File, p Peer) error {
	raw, err := tty.SyscallConn()
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if e := raw.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &st) }); e != nil || err != nil {
		return errors.Join(e, err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFCHR || terminalName(st.Rdev) != p.Terminal:
		return fmt.Errorf("%s is not the terminal that the kernel means", tty.Name())
	case strconv.FormatUint(uint64(st.Uid), 10) != p.User:
		return problem.With(fmt.Errorf("its terminal %s belongs to user %d", p.Terminal, st.Uid), "log in as yourself there; su and sudo keep the terminal of before")
	case st.Mode&0o777&^terminalMode != 0:
		return problem.With(fmt.Errorf("others may read its terminal %s (mode %04o)", p.Terminal, st.Mode&0o777), "chmod 620 %s", ShellWord(tty.Name()))
	}
	return sits(p)
}

func sits(p Peer) error {
	now, err := readStat(p.PID)
	switch {
	case err != nil || now.start != p.Start || now.state == 'Z' || now.state == 'X':
		return errors.New("the program has ended")
	case now.tty == 0:
		return errNoTerminal
	case terminalName(now.tty) != p.Terminal:
		return errors.New("the program has another terminal now")
	case now.group != now.front || now.state == 'T' || now.state == 't':
		return problem.New("the program is not in the foreground of its terminal", "bring it there: fg")
	}
	return nil
}

// maxUntold bounds the terminals that an error names.
const maxUntold = 4

// announce skips a terminal that is stopped (Ctrl-S) or full.
func announce(text, except string) error {
	pts, _ := filepath.Glob("/dev/pts/[0-9]*")
	consoles, _ := filepath.Glob("/dev/tty[0-9]*")
	text = "\r\n" + strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"
	told := 0
	var untold []string
	for _, path := range slices.Concat(pts, consoles) {
		if path == "/dev/"+except || !someonesAt(path) {
			continue
		}
		switch err := tell(path, text); {
		case err == nil:
			told++
		case someonesAt(path): // else it was closed meanwhile
			untold = append(untold, fmt.Sprintf("%s (%v)", strings.TrimPrefix(path, "/dev/"), err))
		}
	}
	switch {
	case len(untold) > maxUntold:
		untold = append(untold[:maxUntold], "…")
		fallthrough
	case len(untold) > 0:
		return problem.With(fmt.Errorf("not every other terminal of yours could be told: %s", strings.Join(untold, ", ")), "look who is there: ps -t; press Ctrl-Q in it, or close it")
	case told == 0:
		return problem.New("you have no other terminal that could be told", "open a second one (another login, a tmux pane), and try again")
	}
	return nil
}

// someonesAt does not open the terminal: opening would create a console that does not
// exist yet. A console without a login belongs to root and root's group.
func someonesAt(path string) bool {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && int(st.Uid) == os.Getuid() &&
		(strings.HasPrefix(path, "/dev/pts/") || st.Uid != 0 || st.Gid != 0)
}

func tell(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.EBUSY):
		return errors.New("a program keeps others off it")
	case err != nil:
		return err
	}
	defer unix.Close(fd)
	n, err := unix.Write(fd, []byte(text))
	if errors.Is(err, unix.EAGAIN) || err == nil && n < len(text) {
		return errors.New("it is stopped or full")
	}
	return err
}

func leaveTerminal(tty *os.File) error {
	raw, err := tty.SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) {
		err = errors.Join(unix.IoctlSetInt(int(fd), unix.TCFLSH, unix.TCIFLUSH), unix.IoctlSetInt(int(fd), unix.TIOCNXCL, 0))
	}); e != nil {
		return e
	}
	return err
}
