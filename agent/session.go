package agent

import (
	"context"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// session is one connection. One goroutine reads a request and answers it: to change to
// another one costs as much as the answer to a short request. A second one reads on only
// when something waits for a hang-up (clientContext).
type session struct {
	remote *string // of remoteOnce; nil before it has looked; belongs to the worker

	server *Server
	conn   net.Conn
	ctx    context.Context // ends when the client is gone: a clientContext
	cancel context.CancelFunc
	pid    int
	peer   platform.Peer // at first only its user and the number of its process; belongs to the worker
	met    bool          // peer was looked at; belongs to the worker
	socket string        // the name of the separate socket; "" for the agent's
	header [4]byte
	input  lookahead // belongs to the reader, with header
	kept   bool      // the reader keeps its stack while it is idle: see rest

	account account
	// The fields that follow belong to the worker.
	binds      []bind
	bindings   [][]byte  // what was asked to be bound, as it came
	bindFailed string    // why a session-bind was refused; "" when none was
	unproved   string    // the last one of an unknown kind of host key; "" when there was none
	listed     bool      // a list was written to the audit log
	denied     []byte    // the id of the session that the person said no to; nil: none
	writeUntil time.Time // the deadline of the connection for writing

	found found // for the request at hand: see forgetNames

	queue queue
}

// found is what was looked up once for a request; nil is what no step needed yet.
type found struct {
	rules         *policy.Rules
	hosts         map[string]keys.Host // by host key blob
	typed, likely []string             // names of hosts: see hostnames.go
}

// queue holds the requests that were read and not yet begun.
type queue struct {
	mu       sync.Mutex // guards the fields that follow
	room     sync.Cond  // pending became shorter
	pending  []message
	bytes    int // of pending
	working  bool
	reading  bool
	began    bool // a request came
	draining bool
}

// message is a request as it was read. Of one that was over a budget only the
// first byte was kept.
type message struct {
	bytes []byte
	over  bool
}

func newSession(server *Server, conn net.Conn) *session {
	s := &session{server: server, conn: conn, input: lookahead{from: conn}}
	s.queue.room.L = &s.queue.mu
	ctx, cancel := context.WithCancel(context.Background())
	s.ctx, s.cancel = clientContext{ctx, s}, cancel
	return s
}

// run serves the connection, if it may be.
func (s *session) run() {
	known := s.identify()
	allowed := known && s.server.Allowed(s.peer)
	counted := allowed && s.server.budgets.open(&s.account, programOf(s.peer), s.socket)
	<-s.server.newcomers // before anything that may wait for a disk or another program
	switch {
	case counted:
		s.queue.reading = true
		s.serve()
		return
	case allowed:
		s.turnAway()
	case known:
		s.server.refuseUser(s.peer)
	}
	s.close()
}

// turnAway writes to the audit log that there are too many connections, unless many are
// turned away at this moment.
func (s *session) turnAway() {
	s.server.turned.Add(1)
	select {
	case s.server.turningAway <- struct{}{}:
		defer func() { <-s.server.turningAway }()
		s.meet()
		s.server.refuse(s.newUse(keys.OpConnect), tooManyConnections)
	default:
	}
}

// identify finds out whose program it is.
func (s *session) identify() bool {
	var err error
	if s.peer, err = s.server.CallerOf(s.conn); err != nil {
		s.server.Log.Warn("connection closed: its user is not known", "error", err)
	}
	s.pid = s.peer.PID
	return err == nil
}

// meet finds out which program it is, before its first request is looked at: one that only
// connects costs no look.
func (s *session) meet() {
	if s.met {
		return
	}
	s.met = true
	caller := s.peer
	peer, err := s.server.PeerOf(s.conn)
	switch {
	case err != nil: // the connection has ended
	case caller.Start != 0 && peer.Start != caller.Start:
		s.peer = platform.Peer{User: caller.User} // another process has the number now
	default:
		s.peer = peer
	}
}

// work answers what is queued and ends when nothing is.
func (s *session) work() {
	for {
		next, ok := s.next()
		if !ok {
			return
		}
		if err := s.answer(next); err != nil {
			s.hangUp()
		}
	}
}

func (s *session) answer(next message) error {
	if s.isEmptyList(next) {
		return s.answerEmptyList()
	}
	s.meet()
	if next.over {
		return s.write(s.refuse(s.newUse(operationOf(next.bytes)), overBudget))
	}
	list := s.listCost(next.bytes)
	if !s.waitFor(list) {
		return s.write(s.refuse(s.newUse(keys.OpList), overBudget))
	}
	defer s.account.give(list)
	reply := s.survive(next.bytes)
	clear(next.bytes) // it may have held a private key or a passphrase
	s.account.give(len(next.bytes))
	return s.write(reply)
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

func (s *session) next() (message, bool) {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.room.Broadcast()
	if len(q.pending) == 0 || s.ctx.Err() != nil {
		q.working, q.pending, q.bytes = false, nil, 0
		return message{}, false
	}
	next := q.pending[0]
	q.pending = q.pending[1:]
	q.bytes -= len(next.bytes)
	return next, true
}

// hangUp cancels what the client asked for and ends the connection.
func (s *session) hangUp() {
	s.cancel()
	_ = s.conn.Close()
	s.queue.mu.Lock()
	s.queue.room.Broadcast()
	s.queue.mu.Unlock()
}

// close runs when the reader has ended. It cancels unfinished requests and waits for
// the worker, so that nothing of the session outlives it.
func (s *session) close() {
	s.hangUp()
	s.finish()
	if s.kept {
		s.server.stacks.Add(-1)
	}
	s.account.close()
	s.server.leave(s)
}
