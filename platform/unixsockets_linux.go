package platform

import (
	"bytes"
	"encoding/binary"
	"syscall"

	"golang.org/x/sys/unix"
)

// From linux/unix_diag.h and linux/sock_diag.h, which x/sys does not have.
const (
	diagShow    = 1 | 2 | 4 // UDIAG_SHOW_NAME, UDIAG_SHOW_VFS, UDIAG_SHOW_PEER
	diagName    = 0         // UNIX_DIAG_NAME
	diagFile    = 1         // UNIX_DIAG_VFS: inode and device of the file
	diagPeer    = 2         // UNIX_DIAG_PEER
	stateListen = 10
	diagMessage = 16 // bytes of struct unix_diag_msg
	diagRequest = 24 // bytes of struct unix_diag_req
)

// unixSocket is a row of the kernel's table of Unix sockets (sock_diag(7)).
type unixSocket struct {
	inode, peer uint32
	path        string // where it was bound; the file may have another name by now
	file        uint32 // its inode; 0: it has none
	device      uint32 // of that file, as the kernel has it: 12 bits and 20
	listening   bool
}

// isAt reports whether it was bound to the file info, or to path where the kernel names no
// file. A connection has the file of the socket that accepted it.
func (s unixSocket) isAt(path string, info *unix.Stat_t) bool {
	if info == nil || s.file == 0 {
		return s.path == path
	}
	return uint64(s.file) == info.Ino&0xffffffff && s.device == unix.Major(info.Dev)<<20|unix.Minor(info.Dev)
}

// socketsAtPath are those that listen at path, or were accepted there.
func socketsAtPath(path string) (listening, accepted []unixSocket) {
	file := new(unix.Stat_t)
	if unix.Stat(path, file) != nil {
		file = nil
	}
	for _, socket := range unixSockets() {
		switch {
		case !socket.isAt(path, file):
		case socket.listening:
			listening = append(listening, socket)
		case socket.peer != 0:
			accepted = append(accepted, socket)
		}
	}
	return listening, accepted
}

// unixSockets is empty if the kernel does not tell.
func unixSockets() (list []unixSocket) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2})
	if unix.Sendto(fd, diagnosticRequest(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) != nil {
		return nil
	}
	buf := make([]byte, 1<<16)
	for total := 0; total < maxDiagnostics; {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil || n == 0 {
			return list
		}
		total += n
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return list
		}
		for _, m := range messages {
			if m.Header.Type == unix.NLMSG_DONE || m.Header.Type == unix.NLMSG_ERROR {
				return list
			}
			if socket, ok := parseUnixSocket(m.Data); ok {
				list = append(list, socket)
			}
		}
	}
	return list
}

// diagnosticRequest asks for all Unix sockets of this network namespace.
func diagnosticRequest() []byte {
	b := make([]byte, unix.SizeofNlMsghdr+diagRequest)
	order := binary.NativeEndian
	order.PutUint32(b[0:], uint32(len(b)))
	order.PutUint16(b[4:], unix.SOCK_DIAG_BY_FAMILY)
	order.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	request := b[unix.SizeofNlMsghdr:]
	request[0] = unix.AF_UNIX
	order.PutUint32(request[4:], ^uint32(0)) // in every state
	order.PutUint32(request[12:], diagShow)
	return b
}

// parseUnixSocket reads a struct unix_diag_msg and its attributes.
func parseUnixSocket(b []byte) (s unixSocket, ok bool) {
	if len(b) < diagMessage {
		return s, false
	}
	order := binary.NativeEndian
	s.listening, s.inode = b[2] == stateListen, order.Uint32(b[4:])
	for b = b[diagMessage:]; len(b) >= unix.SizeofRtAttr; {
		size := int(order.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			return s, false
		}
		switch value := b[unix.SizeofRtAttr:size]; order.Uint16(b[2:]) {
		case diagName:
			s.path = string(bytes.TrimRight(value, "\x00"))
		case diagFile:
			if len(value) >= 8 {
				s.file, s.device = order.Uint32(value), order.Uint32(value[4:])
			}
		case diagPeer:
			if len(value) >= 4 {
				s.peer = order.Uint32(value)
			}
		}
		b = b[min((size+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1), len(b)):]
	}
	return s, true
}
