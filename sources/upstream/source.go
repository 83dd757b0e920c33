// Package upstream is the keys of another agent: gpg-agent, a vendor's, the one
// that was there before. They are listed, asked for and logged like every other
// key; the signature is the other agent's.
//
// That agent may be slow, gone or stopped at any moment, and nothing here waits
// for it but a signature with one of its keys: the list is the one that was
// read last (refresh.go).
package upstream

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

const (
	// listTimeout bounds the reading of a list. An agent with a card may have to
	// look at it first.
	listTimeout = 5 * time.Second
	// signTimeout bounds everything else: the other agent may ask its person.
	signTimeout = 2 * time.Minute
	// fresh is for how long a list is not read again: a program that polls ours
	// must not make a gpg-agent ask its card over and over.
	fresh = time.Second
	// firstRetry and lastRetry bound the pause before an agent that is away is
	// looked for again. A request for a list ends the pause.
	firstRetry, lastRetry = time.Second, 30 * time.Second
	// maxKeys bounds the keys of one agent.
	maxKeys = 1024
)

// Config says which agent it is.
type Config struct {
	Name string   // as the configuration has it
	Path string   // its socket, absolute; "": Missing says why there is none
	Own  []string // our sockets: none of them is another agent

	PeerOf  func(net.Conn) (platform.Peer, error) // optional: platform.PeerOf
	Missing string                                // why Path is ""
	Changed func()                                // optional: called when its keys or its state have changed; must not wait
	Log     *slog.Logger                          // optional
}

var (
	_ keys.Source  = (*Source)(nil)
	_ keys.Remover = (*Source)(nil)
	_ keys.Asker   = (*Source)(nil)
)

// Source is the keys of one other agent.
type Source struct {
	config Config
	cancel context.CancelFunc
	ended  chan struct{} // closed when the reader of lists has ended
	first  chan struct{} // closed when the first list was read, or could not be
	wanted chan struct{} // holds a token when the list is to be read again

	mu     sync.Mutex // guards what follows; never held over a socket
	keys   []keys.Info
	left   []string                     // what of its list is not used, and why
	old    bool                         // it signs with SHA-1 only
	away   error                        // why the agent is not there; nil: it is
	asked  time.Time                    // when the list was wanted last
	hidden map[string]bool              // by blob: taken off the list by ssh-add -d or -D
	given  map[string]keys.ActiveLimits // by blob: of what was handed over by us (add.go)
}

// New begins to read the list of the other agent. Close ends that.
func New(config Config) *Source {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.PeerOf == nil {
		config.PeerOf = platform.PeerOf
	}
	if config.Changed == nil {
		config.Changed = func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Source{config: config, cancel: cancel,
		ended: make(chan struct{}), first: make(chan struct{}), wanted: make(chan struct{}, 1),
		away: errNotYet, hidden: map[string]bool{}, given: map[string]keys.ActiveLimits{}}
	go s.run(ctx)
	return s
}

// Close ends the connection.
func (s *Source) Close() {
	s.cancel()
	<-s.ended
}

// First is closed when the agent has given its first list, or was not there.
func (s *Source) First() <-chan struct{} { return s.first }

// Name implements keys.Source.
func (s *Source) Name() string { return "upstream " + s.config.Name }

// Err is why the agent is away, and what to do; nil: it is there.
func (s *Source) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}

// List implements keys.Source. While the agent is away its keys are left out: a
// login would spend its tries on them. See All.
func (s *Source) List() []keys.Info {
	s.want()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.keys), func(info keys.Info) bool { return s.hiddenLocked(info) || s.expiredLocked(info) })
}

// All returns every key, also those of an agent that is away and those that
// hidden says true of.
func (s *Source) All() (list []keys.Info, hidden func(keys.Info) bool) {
	s.want()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, info := range s.keys {
		if !s.expiredLocked(info) {
			list = append(list, s.withStateLocked(info))
		}
	}
	return list, func(info keys.Info) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.hiddenLocked(info)
	}
}

// Find implements keys.Source. It knows the keys of an agent that is away, so
// that a refusal can say so.
func (s *Source) Find(blob []byte) (keys.Info, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.keys, func(info keys.Info) bool { return bytes.Equal(info.Blob, blob) })
	if i < 0 || s.hiddenLocked(s.keys[i]) || s.expiredLocked(s.keys[i]) {
		return keys.Info{}, false
	}
	return s.withStateLocked(s.keys[i]), true
}

func (s *Source) hiddenLocked(info keys.Info) bool { return s.hidden[string(info.Blob)] }

// expiredLocked says whether the lifetime of a key that we have handed over is over.
// The other agent may not keep to it, or not as exactly.
func (s *Source) expiredLocked(info keys.Info) bool {
	return s.given[string(info.Blob)].Expired(time.Now())
}

func (s *Source) withStateLocked(info keys.Info) keys.Info {
	if s.away != nil {
		info.State = "the other agent is away"
	}
	return info
}
