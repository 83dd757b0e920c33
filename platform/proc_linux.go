package platform

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// statBytes holds the part of /proc/PID/stat that is read: a name of at most
// 64 bytes and twenty numbers.
const statBytes = 1024

// deleted is what the kernel adds to the path of a program whose file was
// replaced. Executable keeps it, because the path no longer leads to it.
const deleted = " (deleted)"

// stat is what proc_pid_stat(5) says about one process.
type stat struct {
	comm    string // at most 15 bytes, chosen by the process
	state   byte   // 'Z': ended, not yet waited for
	parent  int
	group   int // of processes
	session int
	tty     uint64
	front   int    // the group in the foreground of tty; -1: none
	start   uint64 // clock ticks since boot
}

// look reads one process from /proc. The open directory belongs to the process, not to
// its number: once the process ends, reads fail. Fields of another user's process that
// cannot be read stay empty.
//
// The executable is the path as the process itself sees it. A program in its own mount
// namespace can show any path there.
func look(pid, maxArgs, maxBytes int) (sighting, error) {
	dir, err := openProc(pid)
	if err != nil {
		return sighting{}, err
	}
	defer unix.Close(dir)
	st, err := statAt(dir)
	if err != nil {
		return sighting{}, err
	}
	exe, err := exeAt(dir)
	if err != nil {
		return sighting{}, err
	}
	p := Process{PID: pid, Start: st.start, Name: st.comm, Executable: exe, Args: argsAt(dir, maxArgs, maxBytes)}
	if exe != "" {
		p.Name = path.Base(strings.TrimSuffix(exe, deleted))
	}
	seen := sighting{Process: p, parent: st.parent, session: st.session, terminal: st.tty, foreground: st.tty != 0 && st.group == st.front}
	if p.Name == "git" {
		seen.directory = linkAt(dir, "cwd")
	}
	return seen, nil
}

func openProc(pid int) (int, error) {
	return unix.Open("/proc/"+strconv.Itoa(pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

func readStat(pid int) (stat, error) {
	dir, err := openProc(pid)
	if err != nil {
		return stat{}, err
	}
	defer unix.Close(dir)
	return statAt(dir)
}

func statAt(dir int) (stat, error) {
	var buf [statBytes]byte
	line, err := readAt(dir, "stat", buf[:])
	if err != nil {
		return stat{}, err
	}
	return parseStat(line)
}

// exeAt returns "" for a process that this one may not inspect. Any other failure means
// that the process is ending, or is no program.
func exeAt(dir int) (string, error) {
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(dir, "exe", buf[:])
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		return "", nil
	}
	return string(buf[:max(n, 0)]), err
}

// linkAt returns "" for a link that may not be read.
func linkAt(dir int, name string) string {
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(dir, name, buf[:])
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// argsAt returns at most maxArgs arguments from the first maxBytes of the command line.
// Trailing zeros are left over when a program has written a title there.
func argsAt(dir, maxArgs, maxBytes int) []string {
	if maxArgs == 0 {
		return nil
	}
	line, err := readAt(dir, "cmdline", make([]byte, maxBytes))
	line = bytes.TrimRight(line, "\x00")
	if err != nil || len(line) == 0 {
		return nil
	}
	// SplitN makes room for as many as it is told; a Peer lives long.
	n := bytes.Count(line, []byte{0}) + 1
	args := strings.SplitN(string(line), "\x00", min(n, maxArgs+1))
	return args[:min(n, maxArgs)]
}

// readAt fills buf from the file's beginning and returns what there was.
func readAt(dir int, name string, buf []byte) ([]byte, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, buf)
	return buf[:max(n, 0)], err
}

var errStat = errors.New("/proc: stat has another form than proc_pid_stat(5)")

// parseStat reads "PID (COMM) STATE PPID PGRP SESSION TTY …". COMM can hold
// anything, ") R 1" too, so the last parenthesis ends it.
func parseStat(line []byte) (stat, error) {
	first, last := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if first < 0 || last < first {
		return stat{}, errStat
	}
	fields := bytes.Fields(line[last+1:])
	if len(fields) < 20 || len(fields[0]) != 1 {
		return stat{}, errStat
	}
	parent, err1 := strconv.Atoi(string(fields[1]))          // field 4
	group, err4 := strconv.Atoi(string(fields[2]))           // field 5
	session, err6 := strconv.Atoi(string(fields[3]))         // field 6
	front, err5 := strconv.Atoi(string(fields[5]))           // field 8
	tty, err2 := strconv.ParseInt(string(fields[4]), 10, 32) // field 7
	start, err3 := strconv.ParseUint(string(fields[19]), 10, 64)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return stat{}, fmt.Errorf("%w: %w", errStat, err)
	}
	return stat{
		comm: string(line[first+1 : last]), state: fields[0][0],
		parent: parent, group: group, session: session, tty: uint64(uint32(tty)), front: front, start: start,
	}, nil
}

// terminalName turns a device number into its name below /dev. Majors 136 to
// 143 are pseudo-terminals, 4 the consoles (Linux's devices.txt).
func terminalName(dev uint64) string {
	major, minor := uint64(unix.Major(dev)), uint64(unix.Minor(dev))
	switch {
	case dev == 0:
		return ""
	case major >= 136 && major <= 143:
		return "pts/" + strconv.FormatUint((major-136)<<8+minor, 10)
	case major == 4 && minor < 64:
		return "tty" + strconv.FormatUint(minor, 10)
	case major == 4:
		return "ttyS" + strconv.FormatUint(minor-64, 10)
	}
	return fmt.Sprintf("char/%d:%d", major, minor) // as /dev/char names it
}
