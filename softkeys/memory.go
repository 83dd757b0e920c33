package softkeys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/keys/privatekey"
	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform/secret"
	"github.com/keybroker/keybroker/problem"
)

// MaxAdded bounds the added keys. OpenSSH's clients refuse an agent that lists
// more than 2048 (MAX_AGENT_IDENTITIES), so a program that adds keys without end
// would lock the user out of all others.
const MaxAdded = 2048

// ErrFull means that MaxAdded keys or keys.MaxAddedBytes are reached.
var ErrFull = fmt.Errorf("the limit of %d added keys, or of their total size, is reached", MaxAdded)

var (
	_ keys.Source  = (*Memory)(nil)
	_ keys.Lender  = (*Memory)(nil)
	_ keys.Adder   = (*Memory)(nil)
	_ keys.Remover = (*Memory)(nil)
)

// Clock is the clock for lifetimes.
type Clock struct {
	Now       func() time.Time
	AfterFunc func(time.Duration, func()) (stop func() bool)
}

// SystemClock is the real one.
func SystemClock() Clock {
	return Clock{time.Now, func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }}
}

// Memory is the keys.Source of the keys that programs add. It holds them in
// memory only, and they end with the process.
type Memory struct {
	clock Clock

	mu     sync.RWMutex // guards what follows; never held over a signature
	order  []*added     // oldest first
	byBlob map[string]*added
	size   int         // of all keys together
	list   []keys.Info // what List returns; nil: rebuild it
}

type added struct {
	info   keys.Info
	size   int
	signer ssh.AlgorithmSigner // of the plain key, even for a certificate
	limits keys.ActiveLimits
	stop   func() bool // ends the timer
}

// NewMemory returns an empty source. The zero Clock is SystemClock.
func NewMemory(clock Clock) *Memory {
	if clock.Now == nil {
		clock = SystemClock()
	}
	return &Memory{clock: clock, byBlob: map[string]*added{}}
}

// Name implements keys.Source.
func (m *Memory) Name() string { return "added" }

// Add implements keys.Adder. A key that is already held keeps its place and gets
// the new comment and constraints, as in OpenSSH's agent. A certificate is a
// separate entry beside its plain key.
func (m *Memory) Add(key keys.Added) (keys.Info, error) {
	signer, err := secret.Get(func() (ssh.AlgorithmSigner, error) { return addedSigner(key.PrivateKey) })
	defer secret.Sweep() // what reading the key has left
	if err != nil {
		return keys.Info{}, fmt.Errorf("add: %w", err)
	}
	pub := signer.PublicKey()
	if key.Certificate != nil {
		cert, ok := publickey.CertificateOf(key.Certificate)
		if !ok || cert.Key == nil || !bytes.Equal(cert.Key.Marshal(), pub.Marshal()) {
			return keys.Info{}, errors.New("add: the certificate is for another key")
		}
		pub = key.Certificate
	}
	if key.Lifetime < 0 {
		return keys.Info{}, errors.New("add: the lifetime is negative")
	}
	a := &added{info: keys.NewInfo(pub, key.Comment), signer: signer, limits: key.Begin(m.clock.Now()), stop: func() bool { return false }}
	a.info.Source = m.Name()
	a.limits.Mark(&a.info)
	a.size = a.info.Size()
	err = m.put(a, key.Lifetime)
	return a.info, err
}

func (m *Memory) put(a *added, lifetime time.Duration) error {
	m.expire()
	m.mu.Lock()
	defer m.mu.Unlock()
	blob := string(a.info.Blob)
	old := m.byBlob[blob]
	before := 0
	if old != nil {
		before = old.size
	}
	if old == nil && len(m.order) >= MaxAdded || m.size-before+a.size > keys.MaxAddedBytes {
		return problem.With(fmt.Errorf("add: %w", ErrFull), "remove some: ssh-add -d FILE, or all: ssh-add -D")
	}
	if lifetime > 0 {
		a.stop = m.clock.AfterFunc(lifetime, m.expire)
	}
	if old != nil {
		old.stop()
		m.order[slices.Index(m.order, old)] = a
	} else {
		m.order = append(m.order, a)
	}
	m.byBlob[blob] = a
	m.size += a.size - before
	m.list = nil
	return nil
}

// expire drops the keys whose lifetime has ended. A timer calls it, and so does
// every method that shows the keys.
func (m *Memory) expire() {
	now := m.clock.Now()
	m.mu.RLock()
	due := false
	for _, a := range m.order {
		due = due || a.limits.Expired(now)
	}
	m.mu.RUnlock()
	if !due {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropLocked(func(a *added) bool { return a.limits.Expired(now) })
}

// List implements keys.Source, oldest first. Callers share the slice and must
// not change it.
func (m *Memory) List() []keys.Info {
	m.expire()
	m.mu.RLock()
	list := m.list
	m.mu.RUnlock()
	if list != nil {
		return list
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.list == nil {
		m.list = make([]keys.Info, 0, len(m.order))
		for _, a := range m.order {
			m.list = append(m.list, a.info)
		}
	}
	return m.list
}

// Find implements keys.Source.
func (m *Memory) Find(blob []byte) (keys.Info, bool) {
	if a := m.find(blob); a != nil {
		return a.info, true
	}
	return keys.Info{}, false
}

// Sign implements keys.Source.
func (m *Memory) Sign(_ context.Context, use *keys.Use, data []byte, algorithm string) (*ssh.Signature, error) {
	a := m.find(use.Key.Blob)
	if a == nil {
		return nil, fmt.Errorf("sign: %w", keys.ErrNotFound)
	}
	return sign(a.signer, data, algorithm)
}

// Lend implements keys.Lender.
func (m *Memory) Lend(_ context.Context, use *keys.Use) (*privatekey.Key, error) {
	a := m.find(use.Key.Blob)
	if a == nil {
		return nil, fmt.Errorf("sign: %w", keys.ErrNotFound)
	}
	key, _ := a.signer.(*privatekey.Key)
	return key, nil
}

// find checks the lifetime itself: a timer that is late, as after a suspend,
// must not extend it.
func (m *Memory) find(blob []byte) *added {
	m.mu.RLock()
	defer m.mu.RUnlock()
	a := m.byBlob[string(blob)]
	if a == nil || a.limits.Expired(m.clock.Now()) {
		return nil
	}
	return a
}

// Remove implements keys.Remover.
func (m *Memory) Remove(blob []byte) error {
	m.expire()
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.byBlob[string(blob)]
	if a == nil {
		return fmt.Errorf("remove: %w", keys.ErrNotFound)
	}
	m.dropLocked(func(other *added) bool { return other == a })
	return nil
}

// RemoveAll implements keys.Remover.
func (m *Memory) RemoveAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropLocked(func(*added) bool { return true })
}

func (m *Memory) dropLocked(drop func(*added) bool) {
	m.order = slices.DeleteFunc(m.order, func(a *added) bool {
		if !drop(a) {
			return false
		}
		a.stop()
		m.size -= a.size
		delete(m.byBlob, string(a.info.Blob))
		return true
	})
	m.list = nil
	secret.Sweep()
}
