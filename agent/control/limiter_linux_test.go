package control

import (
	"net"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// A byte after a request, which the server has read, does not keep the request running
// when the server closes.
func TestCloseEndsARequestWithALateByte(t *testing.T) {
	b := &broker{watched: make(chan bool, 2), changed: make(chan struct{})}
	path, closeServer := serving(t, b, func(*Config) {})
	conn := raw(t, path, ask("POST", "/v1/terminal"))
	answered(t, conn)
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for unread(t, conn) > 0 {
		runtime.Gosched()
	}
	if err := closeServer(); err != nil {
		t.Fatal(err)
	}
	for ended := false; !ended; { // true: it began to watch
		ended = !<-b.watched
	}
}

// unread returns how many written bytes the other end has not read.
func unread(t *testing.T, conn net.Conn) (n int) {
	t.Helper()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }); e != nil || err != nil {
		t.Fatal(e, err)
	}
	return n
}
