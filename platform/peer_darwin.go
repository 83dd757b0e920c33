package platform

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// peerOf uses LOCAL_PEERCRED and LOCAL_PEERPID of unix(4). There is no pidfd:
// that the start time did not change shows one process from first to last,
// not that it is the one that connected. Not tested on macOS.
func peerOf(conn net.Conn, recent *Peers) (Peer, error) {
	cred, pid, err := credentials(conn)
	if err != nil {
		return Peer{}, fmt.Errorf("identify the peer: %w", err)
	}
	known := Peer{User: strconv.FormatUint(uint64(cred.Uid), 10)}
	peer := known
	if pid == 0 || peer.identify(pid, recent) != nil {
		return known, nil
	}
	again, err := look(pid, 0, 0)
	if err != nil || again.Start != peer.Start {
		return known, nil
	}
	return peer, nil
}

func credentials(conn net.Conn) (cred *unix.Xucred, pid int, err error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil, 0, fmt.Errorf("a %T has no socket", conn)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, 0, err
	}
	e := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		pid, _ = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	})
	return cred, pid, errors.Join(e, err)
}

// look reads one process through sysctl(3): kern.proc.pid for its family,
// kern.procargs2 for its path and arguments.
func look(pid, maxArgs, maxBytes int) (sighting, error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return sighting{}, err
	}
	exe, args := procArgs(pid, maxArgs, maxBytes)
	started := info.Proc.P_starttime
	p := Process{
		PID: pid, Start: uint64(started.Sec)*1e6 + uint64(started.Usec),
		Name: unix.ByteSliceToString(info.Proc.P_comm[:]), Executable: exe, Args: args,
	}
	if exe != "" {
		p.Name = path.Base(exe)
	}
	return sighting{Process: p, parent: int(info.Eproc.Ppid), terminal: uint64(max(info.Eproc.Tdev, 0))}, nil
}

// procArgs takes kern.procargs2 apart: argc, the path, zeros, the arguments,
// and then the environment, which is wiped unread.
func procArgs(pid, maxArgs, maxBytes int) (exe string, args []string) {
	raw, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil || len(raw) < 4 {
		return "", nil
	}
	defer clear(raw)
	argc := int(binary.LittleEndian.Uint32(raw))
	name, rest, _ := bytes.Cut(raw[4:], []byte{0})
	rest = bytes.TrimLeft(rest, "\x00")
	for len(args) < min(argc, maxArgs) && maxBytes > 0 && len(rest) > 0 {
		var arg []byte
		arg, rest, _ = bytes.Cut(rest, []byte{0})
		arg = arg[:min(len(arg), maxBytes)]
		maxBytes -= len(arg) + 1
		args = append(args, string(arg))
	}
	if exe = string(name); !strings.HasPrefix(exe, "/") {
		exe = "" // started by a relative path
	}
	return exe, args
}

// terminalName returns the name of a pseudo-terminal (major 16), or "".
func terminalName(dev uint64) string {
	if unix.Major(dev) != 16 {
		return ""
	}
	return fmt.Sprintf("ttys%03d", unix.Minor(dev))
}

// surroundings are none: macOS has no containers of processes.
func surroundings(int) (contained bool, shared Shares) { return false, Shares{} }
