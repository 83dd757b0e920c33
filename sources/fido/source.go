// Package fido holds the FIDO2 keys that clients add. The device signs. OpenSSH's
// ssh-sk-helper talks to it, in a new process for each signature: the provider is
// a library that anybody may have written.
package fido

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/wire"
)

// maxKeys bounds the keys: OpenSSH's clients refuse an agent that lists more than
// 2048.
const maxKeys = 2048

// answerTimeout bounds one signature, including the touch: devices give up after
// half a minute. A request without a deadline must not wait for a faulty library
// for ever.
const answerTimeout = 2 * time.Minute

var errTimeout = problem.With(fmt.Errorf("ssh-sk-helper did not answer within %v and was ended", answerTimeout), "plug the security key in again and try once more; if it happens again, its library is faulty")

// Config says which libraries may be used, and how to reach the person.
type Config struct {
	Allowed string // patterns of libraries, as in ssh-agent -P
	Websafe string // patterns of applications whose keys sign anything, as in ssh-agent -O websafe-allow
	Helper  string // path of ssh-sk-helper; "": SSH_SK_HELPER, or the system's path
	Log     *slog.Logger

	// Person is asked for a PIN and notified of a touch. nil: no notice is shown,
	// and a key that needs a PIN does not sign.
	Person keys.Person
}

var (
	_ keys.Source           = (*Source)(nil)
	_ keys.Remover          = (*Source)(nil)
	_ keys.SecurityKeyAdder = (*Source)(nil)
)

// Source holds the keys.
type Source struct {
	config Config
	limit  time.Duration // answerTimeout, except in tests

	mu   sync.Mutex // guards what follows; never held over a device
	keys []*key
}

type key struct {
	keys.SecurityKey
	info   keys.Info
	size   int
	limits keys.ActiveLimits
}

// New returns an empty source.
func New(config Config) *Source {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{config: config, limit: answerTimeout}
}

// Name implements keys.Source.
func (s *Source) Name() string { return "fido" }

// AddSecurityKey implements keys.SecurityKeyAdder. A key that is already held
// keeps its place.
func (s *Source) AddSecurityKey(added keys.SecurityKey) (keys.Info, error) {
	if strings.EqualFold(added.Provider, keys.InternalProvider) {
		added.Provider = keys.InternalProvider
	} else {
		var err error
		if added.Provider, err = keys.AllowedLibrary(added.Provider, s.config.Allowed); err != nil {
			return keys.Info{}, err
		}
	}
	k := &key{SecurityKey: added, info: keys.NewInfo(added.PublicKey, added.Comment)}
	k.info.Source, k.limits = s.Name(), added.Begin(time.Now())
	k.limits.Mark(&k.info)
	return k.info, s.put(k)
}

func (s *Source) put(k *key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	k.size = k.info.Size()
	size, i := k.size, s.indexLocked(k.info.Blob)
	for j, other := range s.keys {
		if j != i { // k replaces the key at i
			size += other.size
		}
	}
	if i < 0 && len(s.keys) >= maxKeys || size > keys.MaxAddedBytes {
		return problem.With(fmt.Errorf("the limit of %d keys, or of their total size, is reached", maxKeys), "remove some: ssh-add -d FILE, or all: ssh-add -D")
	}
	if i >= 0 {
		s.keys[i] = k
		return nil
	}
	s.keys = append(s.keys, k)
	return nil
}

func (s *Source) indexLocked(blob []byte) int {
	return slices.IndexFunc(s.keys, func(k *key) bool { return bytes.Equal(k.info.Blob, blob) })
}

// expireLocked needs no timer: these keys hold no secret.
func (s *Source) expireLocked() {
	now := time.Now()
	s.keys = slices.DeleteFunc(s.keys, func(k *key) bool { return k.limits.Expired(now) })
}

// List implements keys.Source.
func (s *Source) List() []keys.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	list := make([]keys.Info, len(s.keys))
	for i, k := range s.keys {
		list[i] = k.info
	}
	return list
}

// Find implements keys.Source.
func (s *Source) Find(blob []byte) (keys.Info, bool) {
	if k := s.find(blob); k != nil {
		return k.info, true
	}
	return keys.Info{}, false
}

func (s *Source) find(blob []byte) *key {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	if i := s.indexLocked(blob); i >= 0 {
		return s.keys[i]
	}
	return nil
}

// Remove implements keys.Remover.
func (s *Source) Remove(blob []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	i := s.indexLocked(blob)
	if i < 0 {
		return fmt.Errorf("remove: %w", keys.ErrNotFound)
	}
	s.keys = slices.Delete(s.keys, i, i+1)
	return nil
}

// RemoveAll implements keys.Remover.
func (s *Source) RemoveAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = nil
}

// Sign implements keys.Source. It first tries without a PIN. If the device needs
// one, the person is asked once; a wrong PIN is not retried.
func (s *Source) Sign(ctx context.Context, use *keys.Use, data []byte, algorithm string) (*ssh.Signature, error) {
	k := s.find(use.Key.Blob)
	if k == nil {
		return nil, fmt.Errorf("sign: %w", keys.ErrNotFound)
	}
	if use.Purpose.Kind != wire.KindLogin && use.Purpose.Kind != wire.KindSSHSig && !keys.ParsePatterns(s.config.Websafe, keys.SingleBytes).Match(k.Application) {
		return nil, problem.With(fmt.Errorf("a key for the application %.64q signs only SSH messages", k.Application), "it could log in to a web site; allow it: [fido] websafe in config.toml, or ssh-agent -O websafe-allow")
	}
	signature, err := s.signNotifying(ctx, use, k, data, nil)
	if !errors.Is(err, errPIN) {
		return signature, err
	}
	if s.config.Person == nil {
		return nil, fmt.Errorf("%w, but nobody can be asked for it", err)
	}
	pin, err := s.config.Person.Secret(ctx, keys.Question{
		Title: "PIN of a security key", Text: describe(k) + pinText(k), Prompt: "PIN:", Use: use, Facts: true,
	})
	if err != nil {
		return nil, fmt.Errorf("PIN: %w", err)
	}
	defer clear(pin)
	return s.signNotifying(ctx, use, k, data, pin)
}

func pinText(k *key) string {
	if k.Flags&keys.FlagUserPresence != 0 {
		return "\nThen touch it."
	}
	return ""
}

func describe(k *key) string { return "The key " + k.info.Fingerprint + " is in a security key." }

// signNotifying makes one signature and meanwhile tells the person to touch the
// device.
func (s *Source) signNotifying(ctx context.Context, use *keys.Use, k *key, data, pin []byte) (*ssh.Signature, error) {
	ctx, stop := context.WithTimeoutCause(ctx, s.limit, errTimeout)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	notified := make(chan struct{})
	go func() {
		defer close(notified)
		if k.Flags&keys.FlagUserPresence == 0 || s.config.Person == nil {
			return
		}
		err := s.config.Person.Notify(ctx, keys.Notice{Title: "Touch your security key", Text: describe(k), Use: use})
		switch {
		case errors.Is(err, keys.ErrRefused):
			cancel(err)
		case err != nil: // the device still blinks
			s.config.Log.Warn("the notice to touch the security key could not be shown", "error", err)
		}
	}()
	signature, err := s.config.sign(ctx, k, data, pin)
	if ctx.Err() != nil {
		signature, err = nil, context.Cause(ctx)
	}
	cancel(nil)
	<-notified
	return signature, err
}
