package agent

import (
	"context"
	"errors"
	"time"

	"github.com/keybroker/keybroker/wire"
)

// maxPending bounds the requests of one connection that wait for their turn.
// Known clients pipeline at most 32. A client that sends more is not read until
// an answer has left.
const maxPending = 64

// What comes at the last moment of the agent is still answered: a request that has been
// sent already, and the first one of a client that has just connected. While a service
// manager starts the next agent, no client then sees that there was a change.
const (
	lastRequestTime  = 50 * time.Millisecond
	firstRequestTime = 2 * time.Second // under load a client may be slow to send it
)

// maxStacks bounds the idle connections whose goroutine keeps the stack that it grew: 16 KiB,
// where a new one has 2.
const maxStacks = 64

// serve reads requests, and answers them unless another goroutine does, until the client
// hangs up or sends a broken frame, or until another goroutine reads.
func (s *session) serve() {
	for {
		if err := s.read(); err != nil {
			s.end(err)
			return
		}
		if !s.begin() {
			continue
		}
		if s.work(); !s.readOn() {
			return
		}
		if !s.rest() {
			go s.serve()
			return
		}
	}
}

// read queues one request.
func (s *session) read() error {
	length, err := wire.ReadLength(&s.input, s.header[:])
	if err != nil {
		return err
	}
	return s.receive(length)
}

// end closes the connection after a failure to read.
func (s *session) end(err error) {
	switch {
	case s.isDraining():
		s.finish()
	case errors.Is(err, wire.ErrBrokenFrame):
		s.server.Log.Info("connection closed", "pid", s.pid, "error", err)
	}
	s.close()
}

// begin reports whether the caller, which has read, is to work. It does not read meanwhile.
func (s *session) begin() bool {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.working {
		return false
	}
	q.working, q.reading = true, false
	return true
}

// readOn reports whether the caller, which has worked, is to read. Otherwise another
// goroutine reads since watch.
func (s *session) readOn() bool {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reading {
		return false
	}
	q.reading = true
	return true
}

// watch has the connection read while a request is answered, so that a hang-up is noticed.
func (s *session) watch() {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.working && !q.reading {
		q.reading = true
		go s.serve()
	}
}

// rest reports whether the goroutine may keep the stack that it grew by an answer until the
// next request: a few may, for which that is faster.
func (s *session) rest() bool {
	if !s.kept {
		s.kept = s.server.stacks.Add(1) <= maxStacks
		if !s.kept {
			s.server.stacks.Add(-1)
		}
	}
	return s.kept
}

// clientContext ends when the client is gone. While a request is answered nobody reads, and
// so nobody would notice, unless somebody waits for that.
type clientContext struct {
	context.Context
	session *session
}

// Done has the connection read on.
func (c clientContext) Done() <-chan struct{} {
	c.session.watch()
	return c.Context.Done()
}

// receive queues one request, once there is room for it.
func (s *session) receive(length int) error {
	s.waitForRoom(length)
	next := message{over: !s.account.take(length)}
	if length > freeBytes { // its bytes are missing to others until it is here
		s.setReadDeadline(time.Now().Add(readTime))
		defer s.setReadDeadline(time.Time{})
	}
	var err error
	if next.over {
		next.bytes, err = wire.SkipPayload(&s.input, length)
	} else {
		next.bytes, err = wire.ReadPayload(&s.input, length)
	}
	if err == nil {
		s.enqueue(next)
	}
	return err
}

func (s *session) waitForRoom(length int) {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.pending) > 0 && (len(q.pending) >= maxPending || q.bytes+length > MaxConnectionBytes) && s.ctx.Err() == nil {
		q.room.Wait()
	}
}

func (s *session) enqueue(next message) {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending = append(q.pending, next)
	q.bytes += len(next.bytes)
	q.began = true
}

// drain stops reading in a moment; what was read is still answered.
func (s *session) drain() {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	s.queue.draining = true
	rest := firstRequestTime
	if s.queue.began {
		rest = lastRequestTime
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(rest))
}

// setReadDeadline leaves that of drain alone.
func (s *session) setReadDeadline(until time.Time) {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if !s.queue.draining {
		_ = s.conn.SetReadDeadline(until)
	}
}

func (s *session) isDraining() bool {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return s.queue.draining
}

// finish waits until the worker has nothing left to do.
func (s *session) finish() {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	for s.queue.working {
		s.queue.room.Wait()
	}
}
