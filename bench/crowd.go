//go:build linux

package main

import (
	"time"

	"github.com/keybroker/keybroker/bench/internal/gauge"
	"golang.org/x/sys/unix"
)

// crowd is many connections that one thread serves by epoll.
type crowd struct {
	poll  int
	conns map[int32]*gauge.Conn
}

// newCrowd connects n times and gets one answer on each connection: an agent identifies
// the client first, which is not part of the measure.
func newCrowd(socket string, n int, buf []byte, r gauge.Request) (*crowd, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	c := &crowd{poll, make(map[int32]*gauge.Conn, n)}
	for range n {
		if err := c.join(socket, buf, r); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *crowd) join(socket string, buf []byte, r gauge.Request) error {
	one, err := gauge.Dial(socket, buf)
	if err != nil {
		return err
	}
	fd := int32(one.FD)
	c.conns[fd] = one
	if _, err := one.Ask(r); err != nil {
		return err
	}
	return unix.EpollCtl(c.poll, unix.EPOLL_CTL_ADD, one.FD, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: fd})
}

func (c *crowd) close() {
	for _, one := range c.conns {
		one.Close()
	}
	unix.Close(c.poll)
}

// run keeps one request pending on each connection for a while, and returns the
// number of answers per second. seen gets every reply.
func (c *crowd) run(while time.Duration, r gauge.Request, seen func(n int, reply []byte)) (float64, error) {
	begin := time.Now()
	answered, err := c.keepAsking(r, func(int) bool { return time.Since(begin) < while }, seen)
	return float64(answered) / time.Since(begin).Seconds(), err
}

// keepAsking keeps one request pending on each connection while more answers are wanted.
func (c *crowd) keepAsking(r gauge.Request, more func(answered int) bool, seen func(n int, reply []byte)) (answered int, err error) {
	for _, one := range c.conns {
		if err := one.Send(r); err != nil {
			return 0, err
		}
	}
	events := make([]unix.EpollEvent, len(c.conns))
	for more(answered) {
		ready, err := gauge.Retry(func() (int, error) { return unix.EpollWait(c.poll, events, -1) })
		if err != nil {
			return 0, err
		}
		for _, event := range events[:ready] {
			one := c.conns[event.Fd]
			reply, err := one.Receive(r)
			if err != nil {
				return 0, err
			}
			seen(answered, reply)
			if err := one.Send(r); err != nil {
				return 0, err
			}
			answered++
		}
	}
	return answered, nil
}
