package agent

import (
	"context"
	"errors"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent/wire"
	"github.com/keybroker/keybroker/platform"
)

// maxPending bounds the requests of one connection that wait for their turn.
// Known clients pipeline at most 32. A client that sends more is not read until
// an answer has left.
const maxPending = 64

// session is one connection. One goroutine reads; a second one works through
// the requests in their order, but only while there are any, so that an idle
// connection costs one parked goroutine. The reader goes on while a request
// waits for a person: that is how a hang-up is noticed.
type session struct {
	server *Server
	conn   net.Conn
	ctx    context.Context // ends when the client is gone
	cancel context.CancelFunc
	peer   platform.Peer
	socket string // the name of the socket of its own; "" for the agent's
	header [4]byte

	// The fields that follow belong to the worker.
	binds      []bind
	bindings   [][]byte // what was asked to be bound, as it came
	bindFailed string   // why a session-bind was refused; "" when none was
	listed     bool     // a list was written to the audit log

	queue queue
}

// queue holds the requests that were read and not yet begun.
type queue struct {
	mu       sync.Mutex // guards the fields that follow
	room     sync.Cond  // pending became shorter
	pending  [][]byte
	working  bool
	draining bool
}

func newSession(server *Server, conn net.Conn) *session {
	s := &session{server: server, conn: conn}
	s.queue.room.L = &s.queue.mu
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// run finds out who is there and then serves the connection in a goroutine of
// its own: looking at processes takes a deep stack, which that one, idle for
// most of its life, would keep.
func (s *session) run() {
	if !s.identify() {
		s.close()
		return
	}
	go s.serve()
}

func (s *session) identify() bool {
	peer, err := s.server.PeerOf(s.conn)
	switch {
	case err != nil:
		s.server.Log.Warn("connection closed: its user is not known", "error", err)
	case !s.server.Allowed(peer):
		s.server.refuseUser(peer)
	default:
		s.peer = peer
		return true
	}
	return false
}

// serve answers the connection to its end.
func (s *session) serve() {
	defer s.close()
	if err := s.read(); err != nil {
		s.server.Log.Info("connection closed", "pid", s.peer.PID, "program", platform.Escape(s.peer.Name, maxLogName), "error", err)
	}
}

// read queues requests until the client hangs up or sends a broken frame.
func (s *session) read() error {
	for {
		message, err := wire.ReadFrameHeader(s.conn, s.header[:])
		switch {
		case err == nil:
			s.enqueue(message)
		case s.isDraining():
			s.finish()
			return nil
		case errors.Is(err, wire.ErrBrokenFrame):
			return err
		default:
			return nil // it hung up
		}
	}
}

func (s *session) enqueue(message []byte) {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.pending) >= maxPending && s.ctx.Err() == nil {
		q.room.Wait()
	}
	q.pending = append(q.pending, message)
	if !q.working {
		q.working = true
		s.server.workers.do(s.work)
	}
}

// work answers what is queued and ends when nothing is.
func (s *session) work() {
	for {
		message, ok := s.next()
		if !ok {
			return
		}
		reply := s.survive(message)
		clear(message) // it may have held a private key or a passphrase
		if err := wire.WriteFrame(s.conn, reply.Marshal()); err != nil {
			s.hangUp()
		}
	}
}

// survive is handle, and a refusal where that panics: a fault in the parser of
// some rare kind of key must not end the agent for everybody.
func (s *session) survive(message []byte) (reply wire.Reply) {
	defer func() {
		if fault := recover(); fault != nil {
			s.server.Log.Error("a request made the agent panic; it was refused", "fault", fault, "stack", string(debug.Stack()))
			reply = s.refuse(s.newUse(operationOf(message)), refusal{reason: "the agent has a fault",
				remedy: "please report it with the stack in the daemon's log"})
		}
	}()
	return s.handle(message)
}

func (s *session) next() ([]byte, bool) {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.room.Broadcast()
	if len(q.pending) == 0 || s.ctx.Err() != nil {
		q.working, q.pending = false, nil
		return nil, false
	}
	message := q.pending[0]
	q.pending = q.pending[1:]
	return message, true
}

// drain stops reading; what was read is still answered.
func (s *session) drain() {
	s.queue.mu.Lock()
	s.queue.draining = true
	s.queue.mu.Unlock()
	_ = s.conn.SetReadDeadline(time.Unix(1, 0))
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

// hangUp cancels what the client asked for and ends the connection.
func (s *session) hangUp() {
	s.cancel()
	_ = s.conn.Close()
	s.queue.mu.Lock()
	s.queue.room.Broadcast()
	s.queue.mu.Unlock()
}

// close ends the session after its reader: cancel what is still going on and
// wait for the worker, so that nothing of a session outlives it.
func (s *session) close() {
	s.hangUp()
	s.finish()
	s.server.leave(s)
}
