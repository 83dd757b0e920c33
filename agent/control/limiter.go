package control

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/problem"
)

// Limits on connections to the control socket. A command holds one for a moment, a
// tray at most two.
const (
	// MaxConnections bounds the connections of all programs. Each costs a few file
	// descriptors, and the agent's sockets need some, too.
	MaxConnections = 64
	// MaxPerProcess bounds the connections of one process.
	MaxPerProcess = 16
	// MaxLasting bounds the lasting requests of all programs: those that follow the
	// broker or wait for the person. The other connections are for commands, which
	// end soon. So a person can always look, pause, lock and revoke.
	MaxLasting = MaxConnections / 2
	// MaxLastingPerProcess bounds the lasting requests of one process.
	MaxLastingPerProcess = 4
	// reserved is how many places of each kind are kept for processes that have
	// none yet.
	reserved = 8
	// writeTimeout is how long the client may leave a write unread.
	writeTimeout = 10 * time.Second
)

var errTooMany = problem.With(fmt.Errorf("too many programs use the broker's control socket (at most %d lasting requests, and %d for one program)", MaxLasting, MaxLastingPerProcess), "end one: a tray, keybroker log -f, a waiting question")

// limiter bounds the connections. When there is no room, a new connection replaces
// the oldest one whose request has not arrived.
type limiter struct {
	net.Listener
	pidOf func(net.Conn) int

	mu    sync.Mutex     // guards conns; never held during I/O
	conns []*limitedConn // oldest first
}

// limitedConn is a connection, which carries one request.
type limitedConn struct {
	net.Conn
	limiter *limiter
	pid     int

	reading sync.Mutex // guards arrived and wiped
	arrived [][]byte   // where in net/http's buffers the request is
	wiped   bool

	// Guarded by limiter.mu.
	asked   bool // its request has arrived
	lasting bool
}

// Accept implements net.Listener.
func (d *limiter) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l := &limitedConn{Conn: conn, limiter: d, pid: d.pidOf(conn)}
		in, out := d.admit(l)
		if out != nil {
			_ = out.Conn.Close() // the server sees that it ended
		}
		if in {
			return l, nil
		}
		_ = conn.Close()
	}
}

// admit returns whether l is accepted, and which connection it replaces.
func (d *limiter) admit(l *limitedConn) (in bool, out *limitedConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, mine := d.countLocked(l.pid, false)
	free := MaxConnections - all
	switch {
	case mine >= MaxPerProcess, mine > 0 && free <= reserved:
		return false, nil
	case free == 0:
		i := slices.IndexFunc(d.conns, func(other *limitedConn) bool { return !other.asked })
		if i < 0 {
			return false, nil
		}
		out = d.conns[i]
		d.conns = slices.Delete(d.conns, i, i+1)
	}
	d.conns = append(d.conns, l)
	return true, out
}

// countLocked counts all connections, and those of pid; with lasting, only those
// whose request lasts.
func (d *limiter) countLocked(pid int, lasting bool) (all, mine int) {
	for _, l := range d.conns {
		if lasting && !l.lasting {
			continue
		}
		all++
		if l.pid == pid {
			mine++
		}
	}
	return all, mine
}

// markAsked notes that l's request has arrived: from now on nothing replaces l.
func (d *limiter) markAsked(l *limitedConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.asked = true
}

// admitLasting returns an error if there are too many lasting requests.
func (d *limiter) admitLasting(l *limitedConn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, mine := d.countLocked(l.pid, true)
	free := MaxLasting - all
	if mine >= MaxLastingPerProcess || free == 0 || mine > 0 && free <= reserved {
		return errTooMany
	}
	l.lasting = true
	return nil
}

// Close implements net.Conn.
func (l *limitedConn) Close() error {
	l.limiter.mu.Lock()
	l.limiter.conns = slices.DeleteFunc(l.limiter.conns, func(other *limitedConn) bool { return other == l })
	l.limiter.mu.Unlock()
	return l.Conn.Close()
}

// Read implements net.Conn. It notes where net/http keeps what arrives, which may be a
// passphrase: such a buffer serves other connections later.
func (l *limitedConn) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.reading.Lock()
	defer l.reading.Unlock()
	if n > 0 && !l.wiped {
		l.arrived = append(l.arrived, p[:n])
	}
	return n, err
}

// wipe clears the request in net/http's buffers. Call it when the whole request was read out of them.
func (l *limitedConn) wipe() {
	l.reading.Lock()
	defer l.reading.Unlock()
	for _, part := range l.arrived {
		clear(part)
	}
	l.arrived, l.wiped = nil, true
}

// Write implements net.Conn. A client that does not read loses the answer.
func (l *limitedConn) Write(p []byte) (int, error) {
	if err := l.Conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return l.Conn.Write(p)
}
