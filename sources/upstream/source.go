// Package upstream shows the keys of another agent: gpg-agent, a vendor's, or the
// user's earlier one. They are listed, decided on and logged like all other keys;
// the other agent signs.
//
// That agent may be slow, stopped or gone at any moment. Only a signature with
// one of its keys waits for it: the list is always the last one read (refresh.go).
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
	// listTimeout bounds the reading of a list. An agent may have to read a card
	// first.
	listTimeout = 5 * time.Second
	// signTimeout bounds every other request: the other agent may ask the person.
	signTimeout = 2 * time.Minute
	// listMaxAge is the age at which a list is read again: a program that polls us
	// must not make gpg-agent read its card all the time.
	listMaxAge = time.Second
	// firstRetry and lastRetry bound the pause between two attempts to connect to
	// an agent that is away. A request for a list ends the pause.
	firstRetry, lastRetry = time.Second, 30 * time.Second
	// maxKeys bounds the keys of one agent.
	maxKeys = 1024
)

// Config describes one other agent.
type Config struct {
	Name string   // as in the configuration
	Path string   // its socket, absolute; "": Missing says why there is none
	Own  []string // our sockets: none of them is another agent

	PeerOf  func(net.Conn) (platform.Peer, error) // nil: platform.PeerOf
	Missing string                                // why Path is ""
	Changed func()                                // optional: called when its keys or state have changed; must not block
	Log     *slog.Logger                          // optional
}

var (
	_ keys.Source  = (*Source)(nil)
	_ keys.Remover = (*Source)(nil)
	_ keys.Asker   = (*Source)(nil)
)

// Source shows the keys of one other agent.
type Source struct {
	config Config
	cancel context.CancelFunc
	ended  chan struct{} // closed when run has ended
	first  chan struct{} // closed after the first attempt to read the list
	wanted chan struct{} // holds a token if the list is to be read again

	mu     sync.Mutex // guards what follows; never held over a socket
	keys   []keys.Info
	unused []string                     // which listed keys are not used, and why
	old    bool                         // it signs with SHA-1 only
	away   error                        // why the agent is away; nil: it is not
	asked  time.Time                    // when the list was last wanted
	edits  int                          // how often we have changed keys and the other agent's list ourselves
	hidden map[string]bool              // by blob: removed by ssh-add -d or -D
	given  map[string]keys.ActiveLimits // by blob: limits of the keys that we handed over (add.go)
}

// New starts to read the other agent's list, until Close.
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

// Close ends the connection and waits for run to end.
func (s *Source) Close() {
	s.cancel()
	<-s.ended
}

// First returns a channel that is closed after the first attempt to read the list.
func (s *Source) First() <-chan struct{} { return s.first }

// Name implements keys.Source.
func (s *Source) Name() string { return "upstream " + s.config.Name }

// Err says why the agent is away, with a remedy; nil if it is not.
func (s *Source) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}

// List implements keys.Source. It omits the keys of an agent that is away: a login
// would waste its attempts on them. See All.
func (s *Source) List() []keys.Info {
	s.want()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.keys), func(info keys.Info) bool { return s.hiddenLocked(info) || s.expiredLocked(info) })
}

// All returns every key, even if the agent is away or the key is hidden. hidden
// says which keys are.
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

// Find implements keys.Source. It also finds the keys of an agent that is away, so
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

// expiredLocked reports whether the lifetime of a key that we handed over has ended.
// The other agent may ignore it, or be less exact.
func (s *Source) expiredLocked(info keys.Info) bool {
	return s.given[string(info.Blob)].Expired(time.Now())
}

func (s *Source) withStateLocked(info keys.Info) keys.Info {
	if s.away != nil {
		info.State = "the other agent is away"
	}
	return info
}
