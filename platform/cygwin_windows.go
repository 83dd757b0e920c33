package platform

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/windows"
)

const (
	// cygwinHandshake is how long a program may take to show the secret: they do it at
	// once.
	cygwinHandshake = 5 * time.Second
	// maxCygwinHandshakes bounds the connections that have not shown it yet.
	maxCygwinHandshakes = 16
	// The system's list of connections is not of one moment: while others come and go it can lack
	// one that is there, or its process.
	ownerLooks = 3
	ownerPause = 20 * time.Millisecond
	// cygwinMark begins the file of a Cygwin socket.
	cygwinMark = "!<socket >"
)

// cygwinListener is what Cygwin makes of an AF_UNIX socket: a TCP port of this machine,
// and a file with the port and a secret, which each side shows to the other.
//
// Every program of the machine can connect to the port, whoever runs it, and a secret in a
// file can leak. So a connection counts only if the system says that its program is
// this user's (cygwinCaller).
type cygwinListener struct {
	tcp    net.Listener
	path   string
	secret [16]byte
	conns  chan net.Conn
	ended  chan struct{}
	once   sync.Once
	busy   chan struct{} // holds an element for each handshake
}

func listenCygwin(path string) (net.Listener, error) {
	if err := freeSocketFile(path); err != nil {
		return nil, err
	}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &cygwinListener{tcp: tcp, path: path, conns: make(chan net.Conn), ended: make(chan struct{}), busy: make(chan struct{}, maxCygwinHandshakes)}
	_, _ = rand.Read(l.secret[:]) // never fails
	if err := l.writeFile(); err != nil {
		_ = tcp.Close()
		return nil, err
	}
	go l.run()
	return l, nil
}

// freeSocketFile removes the file of a socket that is no longer served, and no other.
func freeSocketFile(path string) error {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !strings.HasPrefix(string(data), cygwinMark):
		return problem.With(fmt.Errorf("%s is not a socket of Cygwin's", path), "choose another path for cygwin_socket in [windows]")
	}
	var port int
	_, _ = fmt.Sscanf(string(data[len(cygwinMark):]), "%d", &port)
	if conn, err := net.DialTimeout("tcp4", fmt.Sprintf("127.0.0.1:%d", port), time.Second); err == nil {
		_ = conn.Close()
		return problem.With(fmt.Errorf("%s: %w", path, ErrInUse), "end that program, or choose another path for cygwin_socket in [windows]")
	}
	return os.Remove(path)
}

// writeFile makes the file for this user alone. Cygwin takes only system files for sockets.
func (l *cygwinListener) writeFile() error {
	access, err := onlyThisUser()
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(l.path)
	if err != nil {
		return err
	}
	handle, err := windows.CreateFile(name, windows.GENERIC_WRITE, 0, access, windows.CREATE_NEW, windows.FILE_ATTRIBUTE_SYSTEM, 0)
	if err != nil {
		return &os.PathError{Op: "create", Path: l.path, Err: err}
	}
	file := os.NewFile(uintptr(handle), l.path)
	port := l.tcp.Addr().(*net.TCPAddr).Port
	_, err = fmt.Fprintf(file, "%s%d s %s\x00", cygwinMark, port, secretText(l.secret))
	return errors.Join(err, file.Close())
}

// secretText writes a secret as Cygwin does: as four numbers.
func secretText(secret [16]byte) string {
	number := func(i int) uint32 { return binary.LittleEndian.Uint32(secret[4*i:]) }
	return fmt.Sprintf("%08x-%08x-%08x-%08x", number(0), number(1), number(2), number(3))
}

func (l *cygwinListener) run() {
	for {
		conn, err := l.tcp.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(busyWait)
			continue
		}
		select {
		case l.busy <- struct{}{}:
			go l.meet(conn)
		default: // too many that show no secret
			_ = conn.Close()
		}
	}
}

// meet hands on the connection of a program of this user that shows the secret.
func (l *cygwinListener) meet(conn net.Conn) {
	caller, err := cygwinCaller(conn)
	if err == nil {
		err = l.handshake(conn)
	}
	<-l.busy
	if err != nil {
		_ = conn.Close()
		return
	}
	select {
	case l.conns <- &messageConn{Conn: conn, other: caller}:
	case <-l.ended:
		_ = conn.Close()
	}
}

// handshake: the program shows the secret, and we do. Then it sends its process, user and
// group as Cygwin counts them, which nothing proves, and gets the like.
func (l *cygwinListener) handshake(conn net.Conn) error {
	_ = conn.SetDeadline(time.Now().Add(cygwinHandshake))
	defer conn.SetDeadline(time.Time{})
	var shown [16]byte
	if _, err := io.ReadFull(conn, shown[:]); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(shown[:], l.secret[:]) != 1 {
		return errors.New("the secret is wrong")
	}
	if _, err := conn.Write(l.secret[:]); err != nil {
		return err
	}
	var ids [12]byte // pid, uid, gid
	if _, err := io.ReadFull(conn, ids[:]); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(ids[:], windows.GetCurrentProcessId())
	_, err := conn.Write(ids[:])
	return err
}

// Accept implements net.Listener.
func (l *cygwinListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. It removes the file.
func (l *cygwinListener) Close() error {
	l.once.Do(func() {
		close(l.ended)
		_ = l.tcp.Close()
		_ = os.Remove(l.path)
	})
	return nil
}

// Addr implements net.Listener.
func (l *cygwinListener) Addr() net.Addr { return cygwinAddr(l.path) }

type cygwinAddr string

func (cygwinAddr) Network() string  { return "cygwin" }
func (a cygwinAddr) String() string { return string(a) }

// tcpRow is MIB_TCPROW_OWNER_PID (tcpmib.h); its ports are in network order.
type tcpRow struct {
	state, localAddress, localPort, remoteAddress, remotePort, pid uint32
}

// cygwinCaller is the program at the other end of a connection of this machine, as the
// system says. An error means that it is not known, or may not use this socket.
func cygwinCaller(conn net.Conn) (other, error) {
	var now windows.Filetime
	windows.GetSystemTimePreciseAsFileTime(&now)
	pid, err := ownerOf(conn, tcpConnections)
	if err != nil {
		return other{}, err
	}
	user, err := mayConnect(pid)
	return other{pid: pid, user: user, since: now}, err
}

// ownerOf is the process at the other end of a connection, which list has. It looks again for one that is missing.
func ownerOf(conn net.Conn, list func() ([]tcpRow, error)) (pid uint32, err error) {
	theirs, ours := portOf(conn.RemoteAddr()), portOf(conn.LocalAddr())
	for look := range ownerLooks {
		if look > 0 {
			time.Sleep(ownerPause)
		}
		var rows []tcpRow
		rows, err = list()
		for _, row := range rows {
			if row.localAddress == loopback && row.remoteAddress == loopback && port(row.localPort) == theirs && port(row.remotePort) == ours && row.pid != 0 {
				return row.pid, nil
			}
		}
	}
	if err == nil {
		err = errors.New("the system does not know the connection")
	}
	return 0, err
}

// loopback is 127.0.0.1 in network order.
const loopback = 0x0100007f

func port(raw uint32) int { return int(raw&0xff)<<8 | int(raw>>8&0xff) }

func portOf(addr net.Addr) int { return addr.(*net.TCPAddr).Port }

// mayConnect returns the user of a process, if that is this user and the process has no
// less integrity than this one: the system keeps such out of a pipe.
func mayConnect(pid uint32) (string, error) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return "", err
	}
	defer windows.CloseHandle(process)
	user, err := userOfProcess(process)
	if err != nil {
		return "", err
	}
	if user == "" || user != currentUser() {
		return "", fmt.Errorf("it is another user's program (%s)", user)
	}
	theirs, err := integrityOf(process)
	if err != nil {
		return "", err
	}
	ours, err := integrityOf(windows.CurrentProcess())
	if err != nil || theirs < ours {
		return "", errors.Join(err, errors.New("it has less integrity"))
	}
	return user, nil
}

// integrityOf is the level of a process: 0x1000 low, 0x2000 medium, 0x3000 high.
func integrityOf(process windows.Handle) (uint32, error) {
	var token windows.Token
	if err := windows.OpenProcessToken(process, windows.TOKEN_QUERY, &token); err != nil {
		return 0, err
	}
	defer token.Close()
	var label [64]uint64 // TOKEN_MANDATORY_LABEL and its SID
	var n uint32
	if err := windows.GetTokenInformation(token, windows.TokenIntegrityLevel, (*byte)(unsafe.Pointer(&label)), uint32(unsafe.Sizeof(label)), &n); err != nil {
		return 0, err
	}
	sid := (*windows.Tokenmandatorylabel)(unsafe.Pointer(&label)).Label.Sid
	return sid.SubAuthority(uint32(sid.SubAuthorityCount()) - 1), nil
}

// tcpConnections lists the TCP connections of this machine over IPv4.
func tcpConnections() ([]tcpRow, error) {
	const (
		inet        = 2 // AF_INET
		connections = 4 // TCP_TABLE_OWNER_PID_CONNECTIONS
		maxTable    = 64 << 20
	)
	ask := windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")
	for size := uint32(64 << 10); size <= maxTable; size *= 2 {
		table := make([]uint32, size/4)
		n := size
		code, _, _ := ask.Call(uintptr(unsafe.Pointer(&table[0])), uintptr(unsafe.Pointer(&n)), 0, inet, connections, 0)
		switch err := windows.Errno(code); err {
		case windows.ERROR_INSUFFICIENT_BUFFER:
			continue
		case windows.ERROR_SUCCESS:
			count := min(int(table[0]), (len(table)-1)*4/int(unsafe.Sizeof(tcpRow{})))
			return unsafe.Slice((*tcpRow)(unsafe.Pointer(&table[1])), count), nil
		default:
			return nil, os.NewSyscallError("GetExtendedTcpTable", err)
		}
	}
	return nil, errors.New("this machine has too many connections")
}
