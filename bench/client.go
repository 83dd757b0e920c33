//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// replyBytes holds the longest reply that is asked for: a list of 1,000 keys.
const replyBytes = 256 << 10

// conn is a client that costs as little as it can, because it shares the
// processors with what it measures: one write and one read on a blocking
// socket, with no goroutine in between.
type conn struct {
	fd  int
	buf []byte // for replies; all connections share one, for there is one thread
}

func dial(path string, buf []byte) (*conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &conn{fd, buf}, nil
}

func (c *conn) close() { unix.Close(c.fd) }

// ask sends one request and returns the reply, which is valid until the next one.
func (c *conn) ask(r request) ([]byte, error) {
	if err := c.send(r); err != nil {
		return nil, err
	}
	return c.receive(r)
}

func (c *conn) send(r request) error {
	n, err := retry(func() (int, error) { return unix.Write(c.fd, r.frame) })
	if err == nil && n != len(r.frame) {
		return errors.New("a request did not fit into the socket")
	}
	return err
}

// receive returns the reply to r without its length, if it is of the right kind.
func (c *conn) receive(r request) ([]byte, error) {
	have := 0
	for have < 5 || have < 4+int(binary.BigEndian.Uint32(c.buf)) {
		n, err := retry(func() (int, error) { return unix.Read(c.fd, c.buf[have:]) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, errors.New("the agent hung up")
		}
		have += n
	}
	if c.buf[4] != r.reply {
		return nil, fmt.Errorf("reply %d instead of %d", c.buf[4], r.reply)
	}
	return c.buf[4:have], nil
}

func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
