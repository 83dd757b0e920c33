package platform

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// noPidfd says that the kernel is older than 6.5 and has no SO_PEERPIDFD.
const noPidfd = -1

// peerOf asks the kernel who called connect. It describes the program that has that pid
// now, which may be another one after an exec.
//
// Another program of the same user can delay it as long as it wants (memory behind a
// command line can fault slowly). So call it in the connection's own goroutine, not in
// the accept loop.
func peerOf(conn net.Conn, recent *Peers) (Peer, error) {
	cred, pidfd, err := credentials(conn)
	if err != nil {
		return Peer{}, fmt.Errorf("identify the peer: %w", err)
	}
	if pidfd != noPidfd {
		defer unix.Close(pidfd)
	}
	known := Peer{User: strconv.FormatUint(uint64(cred.Uid), 10)}
	peer := known
	if cred.Pid == 0 || peer.identify(int(cred.Pid), recent) != nil || !lives(peer.Process, pidfd) {
		return known, nil // gone, hidden, or in a pid namespace that this one does not see
	}
	return peer, nil
}

// callerOf waits for nobody. It takes no pidfd: the process may have ended, and nothing is read of it.
func callerOf(conn net.Conn) (Peer, error) {
	var cred *unix.Ucred
	err := onSocket(conn, func(fd int) (err error) { cred, err = socketUser(fd); return err })
	if err != nil {
		return Peer{}, fmt.Errorf("identify the peer: %w", err)
	}
	return Peer{User: strconv.FormatUint(uint64(cred.Uid), 10), Process: Process{PID: int(cred.Pid)}}, nil
}

func credentials(conn net.Conn) (cred *unix.Ucred, pidfd int, err error) {
	err = onSocket(conn, func(fd int) (err error) { cred, pidfd, err = socketPeer(fd); return err })
	return cred, pidfd, err
}

func onSocket(conn net.Conn, do func(fd int) error) error {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return fmt.Errorf("a %T has no socket", conn)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) { err = do(int(fd)) }); e != nil {
		return e
	}
	return err
}

func socketUser(fd int) (*unix.Ucred, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err == nil && cred.Uid == math.MaxUint32 { // what a socket of another family answers
		err = errors.New("not a connected Unix socket")
	}
	return cred, err
}

// socketPeer sets cred.Pid to 0 when the kernel no longer has the process.
func socketPeer(fd int) (*unix.Ucred, int, error) {
	cred, err := socketUser(fd)
	if err != nil {
		return nil, noPidfd, err
	}
	pidfd, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err != nil {
		pidfd = noPidfd
		if !errors.Is(err, unix.ENOPROTOOPT) {
			cred.Pid = 0 // ESRCH and the like: no process to look at
		}
	}
	return cred, pidfd, nil
}

// lives reports whether what was read under p.PID was the peer. A pidfd proves it,
// because a pid is not reused while its process lives. Without a pidfd, an unchanged
// start time shows only that all was read from one process; that this is the peer is
// then likely, not certain.
func lives(p Process, pidfd int) bool {
	if pidfd == noPidfd {
		now, err := readStat(p.PID)
		return err == nil && now.start == p.Start && now.state != 'Z' && now.state != 'X'
	}
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}} // readable: it has ended
	n, err := unix.Poll(fds, 0)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Poll(fds, 0)
	}
	return n == 0 && err == nil
}
