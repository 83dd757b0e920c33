package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/session"
)

// sessionConfig is [session]: what each way of going away drops.
type sessionConfig struct {
	Lock    []string `toml:"lock"`    // the screen was locked
	Suspend []string `toml:"suspend"` // the machine sleeps
	End     []string `toml:"end"`     // the session on the desktop ended
}

// What [session] may name.
const (
	dropSecrets = "secrets" // opened keys and card PINs
	dropGrants  = "grants"
)

func defaultSessionConfig() sessionConfig {
	all := []string{dropSecrets, dropGrants}
	return sessionConfig{Lock: all, Suspend: all, End: all}
}

func (c sessionConfig) check(file string, data []byte) error {
	return errors.Join(
		eachOneOf(file, data, "session.lock", c.Lock, dropSecrets, dropGrants),
		eachOneOf(file, data, "session.suspend", c.Suspend, dropSecrets, dropGrants),
		eachOneOf(file, data, "session.end", c.End, dropSecrets, dropGrants),
	)
}

func (c sessionConfig) dropAt(kind session.Kind) agent.Drop {
	list := map[session.Kind][]string{session.Lock: c.Lock, session.Suspend: c.Suspend, session.End: c.End}[kind]
	return agent.Drop{Secrets: slices.Contains(list, dropSecrets), Grants: slices.Contains(list, dropGrants)}
}

// sessionWatch drops what is to be dropped when the person goes away.
type sessionWatch struct {
	config  sessionConfig
	server  *agent.Server
	log     *slog.Logger
	changed func() // after each event
	watcher *session.Watcher

	mu   sync.Mutex // guards last
	last string     // what was dropped last, and why
}

func newSessionWatch(config sessionConfig, server *agent.Server, log *slog.Logger, changed func()) *sessionWatch {
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
	drop := s.config.dropAt(e.Kind)
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
