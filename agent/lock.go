package agent

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/secret"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/argon2"
)

// The lock's passphrase is kept as its Argon2id hash (RFC 9106) with the second
// recommended choice of the OWASP list, 19 MiB: four times that would be most
// of the daemon's memory.
const (
	argonTime    = 2
	argonMemory  = 19 << 10 // KiB
	argonThreads = 1
	argonLength  = 32
	saltLength   = 16
)

// A wrong passphrase delays its answer by unlockDelay more each time, up to
// maxUnlockDelay. Tries are made one at a time over all connections, so that
// many connections guess no faster than one.
const (
	unlockDelay    = 100 * time.Millisecond
	maxUnlockDelay = 10 * time.Second
)

// lock is RFC 9987 section 5.7: while it is locked, the agent does nothing.
type lock struct {
	on   atomic.Bool
	busy chan struct{} // holds a token while a passphrase is being tried

	mu     sync.Mutex // guards the fields that follow
	salt   []byte
	hash   []byte
	failed int
}

var errLockedAlready = refusal{reason: "the agent is locked already", remedy: errLocked.remedy}

var errNotLocked = refusal{reason: "the agent is not locked", remedy: "if it is paused: keybroker resume; see: keybroker status"}

func newLock() lock { return lock{busy: make(chan struct{}, 1)} }

func (l *lock) locked() bool { return l.on.Load() }

// Lock locks the agent for peer and drops the secrets that can be opened again.
// The error says on its second line what to do.
func (s *Server) Lock(peer platform.Peer, passphrase []byte) error {
	return s.locking(s.newUse(keys.OpLock, peer), func() error { return s.lockNow(passphrase) })
}

// MayLock is why the agent cannot be locked now, before anybody types a passphrase.
func (s *Server) MayLock() error {
	if s.lock.locked() {
		return errLockedAlready
	}
	return nil
}

// MayUnlock is MayLock for Unlock.
func (s *Server) MayUnlock() error {
	if !s.lock.locked() {
		return errNotLocked
	}
	return nil
}

// Unlock tries the passphrase for peer. The answer to a wrong one is delayed;
// hanging up does not shorten the delay of the next try.
func (s *Server) Unlock(ctx context.Context, peer platform.Peer, passphrase []byte) error {
	return s.locking(s.newUse(keys.OpUnlock, peer), func() error { return s.unlockNow(ctx, passphrase) })
}

// locking records the change after it was made: a full disk must not keep anybody
// from locking. A wrong passphrase is recorded as a refusal.
func (s *Server) locking(use *keys.Use, do func() error) error {
	if err := do(); err != nil {
		s.refuse(use, err)
		return err
	}
	s.recordChange(use, "")
	return nil
}

func (s *Server) lockNow(passphrase []byte) error {
	if len(passphrase) == 0 {
		return refusal{reason: "an empty passphrase cannot lock the agent", remedy: "give one"}
	}
	if !s.lock.close(passphrase) {
		return errLockedAlready
	}
	s.epoch.advance("the agent was locked", func() { s.Grants.RevokeAll() })
	s.Ring.Forget() // waits for cards
	return nil
}

// close locks; it returns false if the agent is locked already.
func (l *lock) close(passphrase []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.on.Load() {
		return false
	}
	l.salt = make([]byte, saltLength)
	_, _ = rand.Read(l.salt) // never fails (crypto/rand)
	l.hash = hashPassphrase(passphrase, l.salt)
	l.on.Store(true)
	return true
}

func (s *Server) unlockNow(ctx context.Context, passphrase []byte) error {
	l := &s.lock
	if taker := s.pinTaker(); taker != nil && !l.locked() {
		return taker.GivePIN(ctx, passphrase)
	}
	select {
	case l.busy <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	delay, err := l.try(passphrase)
	over := make(chan struct{})
	time.AfterFunc(delay, func() { <-l.busy; close(over) })
	select {
	case <-over:
	case <-ctx.Done():
	}
	return err
}

// pinTaker returns the source that takes the PIN which ssh-add -X sends while the
// agent is not locked, or nil.
func (s *Server) pinTaker() keys.PINTaker {
	if !s.UnlockGivesPIN {
		return nil
	}
	for _, source := range s.Ring.Sources() {
		if taker, ok := source.(keys.PINTaker); ok {
			return taker
		}
	}
	return nil
}

func (l *lock) try(passphrase []byte) (delay time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.on.Load() {
		return 0, errNotLocked
	}
	if subtle.ConstantTimeCompare(hashPassphrase(passphrase, l.salt), l.hash) == 1 {
		clear(l.hash)
		l.failed, l.hash, l.salt = 0, nil, nil
		l.on.Store(false)
		return 0, nil
	}
	l.failed++
	return min(time.Duration(l.failed)*unlockDelay, maxUnlockDelay),
		refusal{reason: "wrong passphrase", remedy: "try again; each wrong one takes longer"}
}

func hashPassphrase(passphrase, salt []byte) (hash []byte) {
	secret.Do(func() { hash = argon2.IDKey(passphrase, salt, argonTime, argonMemory, argonThreads, argonLength) })
	return hash
}

func (s *session) lockAgent(request wire.Lock) wire.Reply {
	return s.locking(keys.OpLock, func() error { return s.server.lockNow(request.Passphrase) })
}

func (s *session) unlockAgent(request wire.Unlock) wire.Reply {
	return s.locking(keys.OpUnlock, func() error { return s.server.unlockNow(s.ctx, request.Passphrase) })
}

func (s *session) locking(op keys.Op, do func() error) wire.Reply {
	if err := s.mayChange(); err != nil {
		return s.refuse(s.newUse(op), err)
	}
	if err := s.mayChangeView(true); err != nil {
		return s.refuse(s.newUse(op), err)
	}
	if s.server.locking(s.newUse(op), do) != nil {
		return wire.Failure
	}
	return wire.Success
}
