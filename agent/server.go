// Package agent is the ssh-agent itself: it takes connections, reads requests
// (RFC 9987), decides each one, signs, and writes what happened to the audit
// log. sign.go tells the life of a signature from top to bottom.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// acceptBackoff is the pause after accept failed, for want of file
// descriptors mostly: long enough not to spin, short enough not to be seen.
const acceptBackoff = 50 * time.Millisecond

// Config is what a Server works with. All fields but the optional ones are needed.
type Config struct {
	Ring      *keys.Ring
	Grants    *policy.Grants
	Audit     *audit.Log
	Prompt    confirm.Prompter // normally a *confirm.Queue
	Log       *slog.Logger
	Hosts     *KnownHosts            // optional: names for proved host keys
	SSHConfig *SSHConfig             // optional: what a host's name on a command line stands for
	Logins    *audit.Logins          // optional: what worked where, for the order of lists; Written keeps it current
	Now       func() time.Time       // optional: time.Now
	History   func(*keys.Use) string // optional: what was before, for the prompt
	PeerOf    func(net.Conn) (platform.Peer, error)
	CallerOf  func(net.Conn) (platform.Peer, error) // optional: PeerOf, if less is to be known before the first request
	Allowed   func(platform.Peer) bool              // whether this user may connect at all

	Written func(audit.Record) // optional: called with each record that was written; must not wait

	Claims Claims // optional: what the person said of keys

	// ForwardedChanges lets a forwarded connection add, remove and lock keys.
	// Otherwise a remote host could lock the person out of their own agent.
	ForwardedChanges bool
	// UnlockGivesPIN makes ssh-add -X, while nothing is locked, give a card its
	// PIN (keys.PINTaker).
	UnlockGivesPIN bool
	// DefaultLifetime is that of keys that are added without one; 0: no end.
	DefaultLifetime time.Duration
	// ExpiredCertificates lists and uses certificates whose time is over or not
	// come, as ssh-agent does.
	ExpiredCertificates bool
	// RemoteProviders lets connections that serve a remote host name libraries
	// (PKCS#11, FIDO) that are then run here.
	RemoteProviders bool
}

// Claims is what the person said of keys: here, until when each may be used.
type Claims interface {
	// MayUse returns why the key may not be used now, with a remedy, or nil.
	MayUse(ctx context.Context, key keys.Info) error
	// Digest identifies all claims in force; "": they are not checked yet.
	Digest() string
}

// Server is one agent. Serve may run on several listeners at once.
type Server struct {
	Config
	rules     atomic.Pointer[policy.Rules]
	lock      lock
	budgets   *budgets
	unbound   unbound
	refusals  refusals
	recording recording
	repeats   repeats
	borrowed  borrowed
	steps     steps
	workers   workers
	stacks    atomic.Int64 // idle connections whose goroutine keeps its stack
	listSize  atomic.Int64 // of the last list, in bytes
	listable  listable
	auditErr  atomic.Pointer[error] // nil: the last record was written
	paused    atomic.Bool
	epoch     *epoch
	waiting   waiting

	reloading sync.Mutex // held while other rules are put in force

	announced announced   // hosts that commands will log in to
	first     listedFirst // keys that they ask servers about

	mu       sync.Mutex // guards the fields that follow
	sessions map[*session]struct{}
	closing  bool

	serving sync.WaitGroup // one for each listener
	running sync.WaitGroup // one for each session
	turned  atomic.Uint64  // connections turned away

	newcomers   chan struct{} // holds one for each connection that counts for no program yet
	turningAway chan struct{} // holds one for each connection that is turned away with a record
}

// NewServer makes a server that decides by rules.
func NewServer(config Config, rules *policy.Rules) *Server {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.CallerOf == nil {
		config.CallerOf = config.PeerOf
	}
	s := &Server{Config: config, sessions: make(map[*session]struct{}), lock: newLock(), epoch: newEpoch(), budgets: newBudgets(),
		newcomers: make(chan struct{}, maxNewcomers), turningAway: make(chan struct{}, maxTurningAway)}
	s.recording.append, s.recording.limit = config.Audit.Append, recordTime
	s.rules.Store(rules)
	return s
}

// Rules are the rules in force.
func (s *Server) Rules() *policy.Rules { return s.rules.Load() }

// Serve accepts connections until the listener is closed, which is no error.
func (s *Server) Serve(listener net.Listener) error { return s.ServeSocket("", listener) }

// ServeSocket is Serve for a separate socket, with the view of the keys that
// the rules have under its name (policy.View).
func (s *Server) ServeSocket(name string, listener net.Listener) error {
	if !s.accepts() {
		return nil
	}
	defer s.serving.Done()
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			s.Log.Warn("accept failed", "error", err)
			time.Sleep(acceptBackoff)
		default:
			s.start(conn, name)
		}
	}
}

// accepts counts one more listener, unless the server has been shut down.
func (s *Server) accepts() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.serving.Add(1)
	}
	return !s.closing
}

func (s *Server) start(conn net.Conn, socket string) {
	session := newSession(s, conn)
	session.socket = socket
	s.newcomers <- struct{}{}
	if !s.enter(session) {
		<-s.newcomers
		session.cancel()
		_ = conn.Close()
		return
	}
	limitSendBuffer(conn)
	s.workers.do(session.run)
}

// enter is false when the server is closing.
func (s *Server) enter(session *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.sessions[session] = struct{}{}
	s.running.Add(1)
	return true
}

func (s *Server) leave(session *session) {
	s.mu.Lock()
	delete(s.sessions, session)
	s.mu.Unlock()
	s.running.Done()
}

// Shutdown ends every connection once the requests that it has sent are
// answered, or when ctx ends, and returns when the last one is gone. The
// caller has closed the listeners.
func (s *Server) Shutdown(ctx context.Context) {
	s.acceptLast(ctx)
	s.mu.Lock()
	s.closing = true
	for session := range s.sessions {
		session.drain()
	}
	s.mu.Unlock()

	if !wait(ctx, &s.running) {
		s.abort()
		s.running.Wait()
	}
	s.workers.close()
	s.repeats.close(s.writeCount)
}

// acceptLast lets what has been accepted have its session.
func (s *Server) acceptLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, acceptBackoff)
	defer cancel()
	wait(ctx, &s.serving)
}

// wait reports whether all of a group have ended before ctx.
func wait(ctx context.Context, group *sync.WaitGroup) bool {
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Server) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.sessions {
		session.hangUp()
	}
}

// Status is the state of the server for `keybroker status`.
type Status struct {
	Connections int    `json:"connections"`
	TurnedAway  uint64 `json:"turned_away"` // connections refused for want of room
	Locked      bool   `json:"locked"`
	Paused      bool   `json:"paused"`
}

// Status returns the state at this moment.
func (s *Server) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Status{Connections: len(s.sessions), TurnedAway: s.turned.Load(), Locked: s.lock.locked(), Paused: s.paused.Load()}
}
