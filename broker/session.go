package broker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/session"
)

func dropAt(c config.Session, kind session.Kind) agent.Drop {
	list := map[session.Kind][]string{session.Lock: c.Lock, session.Suspend: c.Suspend, session.End: c.End}[kind]
	return agent.Drop{Secrets: slices.Contains(list, config.DropSecrets), Grants: slices.Contains(list, config.DropGrants)}
}

// sessionWatch drops secrets and grants when the person goes away, as [session] says.
type sessionWatch struct {
	config  config.Session
	server  *agent.Server
	log     *slog.Logger
	changed func() // after each event
	watcher *session.Watcher

	mu   sync.Mutex // guards last
	last string     // what was dropped last, and why
}

func newSessionWatch(config config.Session, server *agent.Server, log *slog.Logger, changed func()) *sessionWatch {
	s := &sessionWatch{config: config, server: server, log: log, changed: changed}
	s.watcher = session.New(session.Config{On: s.on, Log: log})
	return s
}

// start watches until the returned function is called.
func (s *sessionWatch) start() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.watcher.Run(ctx) }()
	return func() { cancel(); <-done }
}

func (s *sessionWatch) on(e session.Event) {
	defer s.changed()
	s.log.Info("session", "event", e.Kind, "source", e.Source)
	drop := dropAt(s.config, e.Kind)
	if drop == (agent.Drop{}) {
		return
	}
	text := s.server.Drop(drop, fmt.Sprintf("%s (%s)", e.Kind, e.Source), e.Again)
	if e.Again {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now().Format(time.DateTime) + " " + text
}

func (s *sessionWatch) status() control.Session {
	now := s.watcher.Status()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, note := range now.Notes {
		now.Notes[i] = platform.PlainText(note)
	}
	return control.Session{Locked: now.Locked, Last: s.last, Notes: now.Notes}
}
