//go:build linux

package gauge

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ReplyBytes is enough for the longest reply: a list of 1,000 keys.
const ReplyBytes = 256 << 10

// Request is a prepared frame and the number of its reply.
type Request struct {
	Frame []byte
	Reply byte
}

// ListRequest is SSH_AGENTC_REQUEST_IDENTITIES (RFC 9987 section 5.1).
var ListRequest = Request{Frame: []byte{0, 0, 0, 1, 11}, Reply: 12}

// Conn is a client with little overhead, because it shares the processors with the agent
// that it measures: one write and one read on a blocking socket, without goroutines.
type Conn struct {
	FD  int
	buf []byte // for replies; all connections share one, for there is one thread
}

// Dial connects to an agent's socket; replies are read into buf.
func Dial(path string, buf []byte) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &Conn{fd, buf}, nil
}

// Close hangs up.
func (c *Conn) Close() { unix.Close(c.FD) }

// Ask sends one request and returns the reply, which is valid until the next one.
func (c *Conn) Ask(r Request) ([]byte, error) {
	if err := c.Send(r); err != nil {
		return nil, err
	}
	return c.Receive(r)
}

// Send sends a request. The caller must receive its reply.
func (c *Conn) Send(r Request) error {
	n, err := Retry(func() (int, error) { return unix.Write(c.FD, r.Frame) })
	if err == nil && n != len(r.Frame) {
		return errors.New("a request did not fit into the socket")
	}
	return err
}

// Receive returns the reply to r without its length, if it is of the right kind.
func (c *Conn) Receive(r Request) ([]byte, error) {
	have := 0
	for have < 5 || have < 4+int(binary.BigEndian.Uint32(c.buf)) {
		n, err := Retry(func() (int, error) { return unix.Read(c.FD, c.buf[have:]) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, errors.New("the agent hung up")
		}
		have += n
	}
	if c.buf[4] != r.Reply {
		return nil, fmt.Errorf("reply %d instead of %d", c.buf[4], r.Reply)
	}
	return c.buf[4:have], nil
}

// Retry repeats a call that a signal interrupted.
func Retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
