package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/secret"
	"github.com/keybroker/keybroker/problem"
)

const (
	// maxBody bounds a request; the largest is a passphrase.
	maxBody = 64 << 10
	// readTimeout bounds how long a request may take to arrive.
	readTimeout = 10 * time.Second
)

// Server serves a Broker to the programs of one user.
type Server struct {
	http    http.Server
	limiter *limiter
	broker  Broker
	feed    *Feed
	log     *slog.Logger
	end     context.CancelFunc // ends every request
}

// Config is what NewServer needs.
type Config struct {
	Broker  Broker
	Feed    *Feed // reports changes
	Log     *slog.Logger
	PeerOf  func(net.Conn) (platform.Peer, error)
	PIDOf   func(net.Conn) int // nil: platform.PIDOf
	Allowed func(platform.Peer) bool
}

// NewServer makes a server; Serve starts it.
func NewServer(config Config) *Server {
	if config.PIDOf == nil {
		config.PIDOf = platform.PIDOf
	}
	s := &Server{limiter: &limiter{pidOf: config.PIDOf}, broker: config.Broker, feed: config.Feed, log: config.Log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.broker.Status()) })
	mux.HandleFunc("GET /v1/keys", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.broker.Keys()) })
	mux.HandleFunc("GET /v1/why", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.broker.Refusals()) })
	mux.HandleFunc("GET /v1/grants", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.broker.Grants()) })
	mux.HandleFunc("GET /v1/events", lasting(s.events))
	mux.HandleFunc("GET /v1/waiting", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.broker.Waiting()) })
	mux.HandleFunc("POST /v1/waiting/show", s.show)
	mux.HandleFunc("POST /v1/waiting/{id}/show", s.show)
	mux.HandleFunc("POST /v1/keys/load", s.load)
	mux.HandleFunc("POST /v1/keys/renames", s.recordRename)
	mux.HandleFunc("POST /v1/lifecycle/steps", s.recordStep)
	mux.HandleFunc("POST /v1/lock", s.lock)
	mux.HandleFunc("POST /v1/unlock", s.unlock)
	mux.HandleFunc("POST /v1/lock/ask", lasting(func(w http.ResponseWriter, r *http.Request) { done(w, s.broker.LockAsking(r.Context(), peerOf(r))) }))
	mux.HandleFunc("POST /v1/unlock/ask", lasting(func(w http.ResponseWriter, r *http.Request) { done(w, s.broker.UnlockAsking(r.Context(), peerOf(r))) }))
	mux.HandleFunc("POST /v1/pause", func(w http.ResponseWriter, r *http.Request) { done(w, s.broker.Pause(peerOf(r))) })
	mux.HandleFunc("POST /v1/resume", func(w http.ResponseWriter, r *http.Request) { done(w, s.broker.Resume(peerOf(r))) })
	mux.HandleFunc("POST /v1/reload", lasting(s.reload))
	mux.HandleFunc("POST /v1/terminal", lasting(s.approve))
	mux.HandleFunc("DELETE /v1/grants", s.revoke)
	mux.HandleFunc("DELETE /v1/grants/{id}", s.revoke)
	mux.HandleFunc("POST /v1/hosts", lasting(s.announceHosts))
	mux.HandleFunc("POST /v1/lists", lasting(s.listFirst))
	s.cards(mux)
	s.claims(mux)
	all, end := context.WithCancel(context.Background())
	s.end = end
	s.http = http.Server{
		Handler: config.sameUser(mux), ReadTimeout: readTimeout, MaxHeaderBytes: maxBody,
		BaseContext: func(net.Listener) context.Context { return all },
		ErrorLog:    slog.NewLogLogger(config.Log.Handler(), slog.LevelWarn),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, conn)
		},
	}
	s.http.SetKeepAlivesEnabled(false) // one request per connection, see limitedConn
	return s
}

// The keys of a request's context: its connection and its peer.
type (
	connKey struct{}
	peerKey struct{}
)

func peerOf(r *http.Request) platform.Peer {
	peer, _ := r.Context().Value(peerKey{}).(platform.Peer)
	return peer
}

func connOf(r *http.Request) *limitedConn { return r.Context().Value(connKey{}).(*limitedConn) }

// lasting wraps a handler that runs for as long as the client wants or the person
// needs.
func lasting(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		l := connOf(r)
		if err := l.limiter.admitLasting(l); err != nil {
			fail(w, http.StatusServiceUnavailable, err)
			return
		}
		next(w, r)
	}
}

// sameUser refuses other users, even if somebody changed the socket's mode. It reads
// about the peer in the request's goroutine: that can take a while, and others must
// not wait.
func (c Config) sameUser(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l := connOf(r)
		peer, err := c.PeerOf(l.Conn)
		if err != nil || !c.Allowed(peer) {
			fail(w, http.StatusForbidden, errors.New("this broker serves another user"))
			return
		}
		body, err := secret.Get(func() ([]byte, error) { return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)) })
		l.wipe()
		defer clear(body) // it may be a passphrase
		if err != nil {
			fail(w, http.StatusBadRequest, fmt.Errorf("the request did not arrive completely: %w", err))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		l.limiter.markAsked(l) // not earlier: a body that arrives slowly is not a request yet
		// net/http reads one byte beyond the request, and after it does not notice
		// the end of the connection.
		there, stop := platform.WhileThere(r.Context(), l.Conn, peer)
		defer stop()
		r = r.WithContext(context.WithValue(there, peerKey{}, peer))
		next.ServeHTTP(w, r)
	})
}

// Serve answers until Close.
func (s *Server) Serve(listener net.Listener) error {
	s.limiter.Listener = listener
	if err := s.http.Serve(s.limiter); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends every connection and every request. net/http alone does not end a
// request that is followed by a byte.
func (s *Server) Close() error {
	s.end()
	return s.http.Close()
}

func (s *Server) load(w http.ResponseWriter, r *http.Request) {
	var names []string
	if err := json.NewDecoder(r.Body).Decode(&names); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	done(w, s.broker.Load(names))
}

func (s *Server) lock(w http.ResponseWriter, r *http.Request) {
	s.withSecret(w, r, func(passphrase []byte) error { return s.broker.Lock(peerOf(r), passphrase) })
}

func (s *Server) unlock(w http.ResponseWriter, r *http.Request) {
	s.withSecret(w, r, func(passphrase []byte) error { return s.broker.Unlock(r.Context(), peerOf(r), passphrase) })
}

func (s *Server) withSecret(w http.ResponseWriter, r *http.Request, do func([]byte) error) {
	defer secret.Sweep()
	var given Secret
	var err error
	secret.Do(func() { err = json.NewDecoder(r.Body).Decode(&given) })
	defer clear(given.Passphrase)
	if err != nil {
		fail(w, http.StatusBadRequest, errors.New("the request has no passphrase"))
		return
	}
	done(w, do(given.Passphrase))
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	if !s.broker.Revoke(peerOf(r), r.PathValue("id")) {
		fail(w, http.StatusNotFound, problem.New("there is no such grant", "see those in force: keybroker grants list"))
		return
	}
	done(w, nil)
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	reloaded, err := s.broker.Reload(r.Context(), peerOf(r))
	if err != nil {
		failed(w, err)
		return
	}
	reply(w, reloaded)
}

func done(w http.ResponseWriter, err error) {
	if err != nil {
		failed(w, err)
		return
	}
	reply(w, struct{}{})
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

// failed has a code for each kind of error that a command tells from others.
func failed(w http.ResponseWriter, err error) {
	code := http.StatusConflict
	if _, invalid := errors.AsType[InvalidError](err); invalid {
		code = http.StatusUnprocessableEntity
	} else if _, refused := errors.AsType[RefusedError](err); refused {
		code = http.StatusForbidden
	}
	fail(w, code, err)
}

func fail(w http.ResponseWriter, code int, err error) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(failureOf(err))
}
