//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Numbers of replies (RFC 9987 section 5.1), and the one request that needs no
// other bytes.
const (
	numIdentitiesAnswer = 12
	numSignResponse     = 14
)

var listRequest = []byte{0, 0, 0, 1, 11}

// replyBytes holds the longest reply that is asked for: a list of 1,000 keys.
const replyBytes = 256 << 10

// conn is a client that costs as little as it can, because it shares the
// processors with what it measures: one write and one read on a blocking
// socket, in one buffer, with no goroutine in between.
type conn struct {
	fd  int
	buf []byte
}

func dial(path string) (*conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &conn{fd: fd}, nil
}

func (c *conn) close() { unix.Close(c.fd) }

// ask sends one frame and returns the reply without its length. The reply is
// valid until the next one.
func (c *conn) ask(frame []byte) ([]byte, error) {
	if err := c.send(frame); err != nil {
		return nil, err
	}
	return c.receive()
}

func (c *conn) send(frame []byte) error {
	n, err := retry(func() (int, error) { return unix.Write(c.fd, frame) })
	if err == nil && n != len(frame) {
		return errors.New("a request did not fit into the socket")
	}
	return err
}

func (c *conn) receive() ([]byte, error) {
	if c.buf == nil {
		c.buf = shared[:]
	}
	have := 0
	for have < 4 || have < 4+int(binary.BigEndian.Uint32(c.buf)) {
		n, err := retry(func() (int, error) { return unix.Read(c.fd, c.buf[have:]) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, errors.New("the agent hung up")
		}
		have += n
	}
	return c.buf[4:have], nil
}

// shared is the buffer of all connections: there is one thread, and it is done
// with a reply before it reads the next one.
var shared [replyBytes]byte

func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// timed asks n times, one after the other, and returns how long each took.
func (c *conn) timed(n int, request []byte, number byte) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	for i := range took {
		begin := time.Now()
		reply, err := c.ask(request)
		took[i] = time.Since(begin)
		if err := check(reply, err, number); err != nil {
			return nil, err
		}
	}
	return took, nil
}

func check(reply []byte, err error, number byte) error {
	if err == nil && reply[0] != number {
		return fmt.Errorf("reply %d instead of %d", reply[0], number)
	}
	return err
}

// together keeps one request under way on each of n connections for a while,
// and returns how many were answered. One thread serves all of them by epoll.
// Each reply that sample takes is given to it, in the middle of the run.
func together(socket string, n int, request []byte, number byte, while time.Duration, sample func([]byte)) (int, time.Duration, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(poll)
	conns := make(map[int32]*conn, n)
	for range n {
		c, err := dial(socket)
		if err != nil {
			return 0, 0, err
		}
		defer c.close()
		conns[int32(c.fd)] = c
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(c.fd)}
		if err := unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, c.fd, &event); err != nil {
			return 0, 0, err
		}
		// Once outside of the measured time: the agent looks at who connects.
		if reply, err := c.ask(request); check(reply, err, number) != nil {
			return 0, 0, check(reply, err, number)
		}
	}
	for _, c := range conns {
		if err := c.send(request); err != nil {
			return 0, 0, err
		}
	}
	events := make([]unix.EpollEvent, n)
	begin, answered := time.Now(), 0
	for time.Since(begin) < while {
		ready, err := retry(func() (int, error) { return unix.EpollWait(poll, events, -1) })
		if err != nil {
			return 0, 0, err
		}
		for _, event := range events[:ready] {
			c := conns[event.Fd]
			reply, err := c.receive()
			if err := check(reply, err, number); err != nil {
				return 0, 0, err
			}
			if sample(reply); answered >= 0 {
				answered++
			}
			if err := c.send(request); err != nil {
				return 0, 0, err
			}
		}
	}
	return answered, time.Since(begin), nil
}
