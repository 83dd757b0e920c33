package control

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/problem"
)

// Limits on what programs hold of the control socket. A command holds one
// connection for a moment, a tray two at most.
const (
	// MaxConnections bounds those of all programs: each costs a few descriptors,
	// and the agent's own sockets need some, too.
	MaxConnections = 64
	// MaxPerProcess bounds those of one process.
	MaxPerProcess = 16
	// MaxLasting bounds the requests of all programs that last: who follows the
	// broker, and what waits for the person. The other connections are for
	// commands, which end by themselves: whoever holds all of these, a person can
	// still look, pause, lock and revoke.
	MaxLasting = MaxConnections / 2
	// MaxLastingPerProcess bounds those of one process.
	MaxLastingPerProcess = 4
	// keptForOthers are the last places of each kind: a process that has one
	// already gets none of them.
	keptForOthers = 8
	// stalled is how long the other end may leave a write unread.
	stalled = 10 * time.Second
)

var errTooMany = problem.With(fmt.Errorf("too many programs use the broker's control socket (%d requests that last at most, %d of one program)", MaxLasting, MaxLastingPerProcess), "end one: a tray, keybroker log -f, a question that waits")

// door counts the connections in and out. When there is no room, a newcomer takes
// the place of a connection that has asked for nothing yet.
type door struct {
	net.Listener
	pidOf func(net.Conn) int

	mu    sync.Mutex // guards what follows; never held over a connection
	lines []*line    // oldest first
}

// line is one connection. It carries one request.
type line struct {
	net.Conn
	door *door
	pid  int

	// Guarded by door.mu.
	asked   bool // its request has come whole
	lasting bool
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l := &line{Conn: conn, door: d, pid: d.pidOf(conn)}
		in, out := d.enter(l)
		if out != nil {
			_ = out.Conn.Close() // its request never came; the server sees its end
		}
		if in {
			return l, nil
		}
		_ = conn.Close()
	}
}

// enter says whether l may come in, and which other one must go for it.
func (d *door) enter(l *line) (in bool, out *line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, mine := d.countLocked(l.pid, false)
	free := MaxConnections - all
	switch {
	case mine >= MaxPerProcess, mine > 0 && free <= keptForOthers:
		return false, nil
	case free == 0:
		i := slices.IndexFunc(d.lines, func(other *line) bool { return !other.asked })
		if i < 0 {
			return false, nil
		}
		out = d.lines[i]
		d.lines = slices.Delete(d.lines, i, i+1)
	}
	d.lines = append(d.lines, l)
	return true, out
}

// countLocked counts the connections, or only those that last: all, and those of pid.
func (d *door) countLocked(pid int, lasting bool) (all, mine int) {
	for _, l := range d.lines {
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

// begin notes that l's request has come: from then on nobody takes its place.
func (d *door) begin(l *line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.asked = true
}

// last refuses one more request that lasts.
func (d *door) last(l *line) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, mine := d.countLocked(l.pid, true)
	free := MaxLasting - all
	if mine >= MaxLastingPerProcess || free == 0 || mine > 0 && free <= keptForOthers {
		return errTooMany
	}
	l.lasting = true
	return nil
}

// Close implements net.Conn.
func (l *line) Close() error {
	l.door.mu.Lock()
	l.door.lines = slices.DeleteFunc(l.door.lines, func(other *line) bool { return other == l })
	l.door.mu.Unlock()
	return l.Conn.Close()
}

// Write implements net.Conn. Who leaves an answer unread loses it.
func (l *line) Write(p []byte) (int, error) {
	if err := l.Conn.SetWriteDeadline(time.Now().Add(stalled)); err != nil {
		return 0, err
	}
	return l.Conn.Write(p)
}
