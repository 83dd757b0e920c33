package platform

import (
	"bytes"
	"net"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

func mine() (list []Process) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(maxProcesses)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || realUserOf(pid) != os.Getuid() {
			continue
		}
		if seen, err := look(pid, MaxArgs, MaxArgBytes); err == nil {
			list = append(list, seen.Process)
		}
	}
	slices.SortFunc(list, func(a, b Process) int { return a.PID - b.PID })
	return list
}

// statusBytes holds the part of /proc/PID/status that has the user.
const statusBytes = 1024

// realUserOf is the real user of a process, -1 if it is gone. The owner of its directory in
// /proc is root where a process hides from other programs.
func realUserOf(pid int) int {
	dir, err := openProc(pid)
	if err != nil {
		return -1
	}
	defer unix.Close(dir)
	var buf [statusBytes]byte
	status, err := readAt(dir, "status", buf[:])
	if err != nil {
		return -1
	}
	for line := range bytes.Lines(status) {
		if fields := bytes.Fields(line); len(fields) > 1 && string(fields[0]) == "Uid:" {
			if uid, err := strconv.Atoi(string(fields[1])); err == nil {
				return uid
			}
		}
	}
	return -1
}

// holders looks for the process that listens. Who made the socket, which the kernel tells of a
// connection, has often ended: ssh-agent listens, and goes on in a child.
func holders(conn net.Conn, path string) ([]Process, bool) {
	all := mine()
	var hidden []Process // they may be it, too
	listening, _ := socketsAtPath(path)
	for _, socket := range listening {
		held, unseen := holding(all, socket.inode)
		if len(held) > 0 {
			return held, true
		}
		hidden = unseen
	}
	maker := PIDOf(conn)
	for _, p := range hidden {
		if p.PID == maker {
			return []Process{p}, true
		}
	}
	if seen, err := look(maker, MaxArgs, MaxArgBytes); err == nil && realUserOf(maker) != os.Getuid() {
		return []Process{seen.Process}, true // another user's: sshd's, or the system's
	}
	return hidden, false
}

// holding are the processes that have the socket open, and those that do not show what they
// have open.
func holding(all []Process, inode uint32) (held, hidden []Process) {
	for _, p := range all {
		switch inodes, err := openSockets(p.PID); {
		case err != nil:
			hidden = append(hidden, p)
		case slices.Contains(inodes, strconv.FormatUint(uint64(inode), 10)):
			held = append(held, p)
		}
	}
	return held, hidden
}

func openSockets(pid int) ([]string, error) {
	dir, err := openProc(pid)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	fd, err := unix.Openat(dir, "fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	_ = unix.Close(fd)
	return socketsAt(dir), nil
}

func clients(path string) (list []Process, others int) {
	_, accepted := socketsAtPath(path)
	all := mine()
	for _, socket := range accepted {
		held, _ := holding(all, socket.peer)
		if len(held) == 0 {
			others++
		}
		for _, p := range held {
			if !slices.ContainsFunc(list, func(q Process) bool { return q.PID == p.PID }) {
				list = append(list, p)
			}
		}
	}
	return list, others
}
