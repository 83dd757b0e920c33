package platform

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/windows"
)

const (
	// pipeBacklog is how many clients can connect at once before one has to wait for
	// Accept. Each costs a handle and an event.
	pipeBacklog = 8
	// pipeBuffer is what either side can write before the other reads, in bytes.
	pipeBuffer = 64 << 10
)

// listen makes the pipe for this user alone. It must be the first of its name:
// otherwise it could join a pipe that another program made with its own access list,
// and the two would share the clients.
func listen(path string) (net.Listener, error) {
	l, err := newListener(path)
	if err == nil {
		err = l.open()
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// listener keeps pipeBacklog instances of one pipe waiting for clients.
type listener struct {
	name   string
	access *windows.SecurityAttributes
	ended  windows.Handle // an event: Close was called
	once   sync.Once

	mu        sync.Mutex  // guards what follows; Accept holds it until it returns
	instances []*instance // nil after Close
}

func newListener(path string) (*listener, error) {
	name, err := pipeName(path)
	if err != nil {
		return nil, err
	}
	access, err := onlyThisUser()
	if err != nil {
		return nil, err
	}
	ended, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return nil, os.NewSyscallError("CreateEvent", err)
	}
	return &listener{name: name, access: access, ended: ended}, nil
}

// open makes the instances. It looks first, because a system may allow a second "first"
// instance (wine does).
func (l *listener) open() error {
	if pipeExists(l.name) {
		windows.CloseHandle(l.ended)
		return pipeInUse(l.name)
	}
	for range pipeBacklog {
		if err := l.add(); err != nil {
			l.Close()
			return err
		}
	}
	return nil
}

func (l *listener) add() error {
	flags := uint32(windows.PIPE_ACCESS_DUPLEX | windows.FILE_FLAG_OVERLAPPED)
	if len(l.instances) == 0 {
		flags |= windows.FILE_FLAG_FIRST_PIPE_INSTANCE
	}
	in, err := newInstance(l.name, flags, l.access)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return pipeInUse(l.name)
	}
	if err != nil {
		return err
	}
	l.instances = append(l.instances, in)
	return nil
}

func pipeInUse(name string) error {
	return problem.With(fmt.Errorf("%s: %w", name, ErrInUse), "stop that one first (Windows' own: Stop-Service ssh-agent), or choose another path")
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.instances != nil {
		i, err := l.wait()
		if err != nil {
			return nil, passing{err}
		}
		if i < 0 {
			break
		}
		conn, err := l.take(i)
		if err != nil {
			return nil, passing{err}
		}
		if conn != nil {
			return conn, nil
		}
	}
	return nil, net.ErrClosed
}

// wait returns the index of an instance that a client has come to, or -1 when
// Close was called.
func (l *listener) wait() (int, error) {
	events := []windows.Handle{l.ended}
	for _, in := range l.instances {
		events = append(events, in.event)
	}
	woken, err := windows.WaitForMultipleObjects(events, false, windows.INFINITE)
	if err != nil {
		return 0, os.NewSyscallError("WaitForMultipleObjects", err)
	}
	return int(woken-windows.WAIT_OBJECT_0) - 1, nil
}

// take replaces the instance that has a client before that client is served, so that
// another client can connect at every moment. It returns nothing for a client that is
// gone already.
func (l *listener) take(i int) (net.Conn, error) {
	fresh, err := newInstance(l.name, windows.PIPE_ACCESS_DUPLEX|windows.FILE_FLAG_OVERLAPPED, l.access)
	if err != nil {
		return nil, err // the client keeps its place
	}
	used := l.instances[i]
	l.instances[i] = fresh
	pipe, err := used.take()
	if err != nil {
		return nil, nil
	}
	return newPipeConn(pipe, l.name, ""), nil
}

// Close implements net.Listener. Connections that were accepted go on.
func (l *listener) Close() error {
	l.once.Do(func() {
		windows.SetEvent(l.ended)
		l.mu.Lock() // Accept has returned
		defer l.mu.Unlock()
		for _, in := range l.instances {
			in.cancel()
		}
		l.instances = nil
		windows.CloseHandle(l.ended)
	})
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return pipeAddr(l.name) }

// passing is a temporary error of Accept, such as a lack of memory: callers wait a
// moment and try again (as net/http does).
type passing struct{ error }

var _ net.Error = passing{}

func (p passing) Error() string { return "platform: accept: " + p.error.Error() }
func (p passing) Unwrap() error { return p.error }

// Timeout implements net.Error.
func (passing) Timeout() bool { return false }

// Temporary implements net.Error.
func (passing) Temporary() bool { return true }
