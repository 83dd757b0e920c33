package platform

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/windows"
)

const (
	// pipePrefix begins the name of every pipe of this machine. Any other name could be
	// on another machine.
	pipePrefix = `\\.\pipe\`
	// maxPipeName is what CreateNamedPipe takes, prefix and all, in characters.
	maxPipeName = 256
)

// pipeName checks a name and brings it into its usual form: shells that take
// backslashes for themselves have //./pipe/name.
func pipeName(path string) (string, error) {
	name := filepath.FromSlash(path)
	switch {
	case len(name) <= len(pipePrefix) || !strings.EqualFold(name[:len(pipePrefix)], pipePrefix):
		return "", problem.With(fmt.Errorf("%.256q is not the name of a pipe", path), "choose one that begins with %s", pipePrefix)
	case len(name) > maxPipeName:
		return "", problem.With(fmt.Errorf("%.256q: the name has %d bytes and a pipe's may have %d", path, len(name), maxPipeName), "choose a shorter one")
	}
	return name, nil
}

// pipeConn is one end of a connected pipe. The file's handle is overlapped, so
// that the Go runtime waits for it, with deadlines and without a thread.
type pipeConn struct {
	*os.File
	connected windows.Filetime // when this end had its other one
	owner     string           // on the client's end: the SID of who made the pipe
}

var _ net.Conn = (*pipeConn)(nil)

func newPipeConn(handle windows.Handle, name, owner string) *pipeConn {
	var now windows.Filetime
	windows.GetSystemTimePreciseAsFileTime(&now) // the other one can be 16 ms late: older than a process that was quick
	return &pipeConn{File: os.NewFile(uintptr(handle), name), connected: now, owner: owner}
}

// otherEnd asks the system for the process. The user is known to be there even
// where nothing is known of the process: our pipe lets only this user in, and what was
// dialled belongs to its owner.
func (c *pipeConn) otherEnd() (other, error) {
	ask, user := windows.GetNamedPipeClientProcessId, currentUser()
	if c.owner != "" {
		ask, user = windows.GetNamedPipeServerProcessId, c.owner
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return other{}, err
	}
	var pid uint32
	e := raw.Control(func(handle uintptr) { err = ask(windows.Handle(handle), &pid) })
	return other{pid: pid, user: user, since: c.connected}, errors.Join(e, err)
}

// LocalAddr implements net.Conn.
func (c *pipeConn) LocalAddr() net.Addr { return pipeAddr(c.Name()) }

// RemoteAddr implements net.Conn. Both ends of a pipe have one name.
func (c *pipeConn) RemoteAddr() net.Addr { return pipeAddr(c.Name()) }

// pipeAddr is the name of a pipe.
type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }
