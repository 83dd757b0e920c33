// Package keystest has a Source that tests can delay, break and watch.
package keystest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"sync"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/privatekey"
	"golang.org/x/crypto/ssh"
)

// Source signs with one ed25519 key.
type Source struct {
	// Before runs at the start of each Sign; its error is Sign's. nil: nothing.
	Before func(ctx context.Context, use *keys.Use) error
	// Corrupt makes Sign return a signature that does not verify.
	Corrupt bool

	info keys.Info
	key  *privatekey.Key

	mu   sync.Mutex
	uses []keys.Use
}

// New makes a source with a fresh key.
func New(comment string) *Source {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	key, err := privatekey.New(private)
	if err != nil {
		panic(err)
	}
	info := keys.NewInfo(key.PublicKey(), comment)
	info.Name, info.Source = comment, "test"
	return &Source{info: info, key: key}
}

// Private is the private key, for a test source that lends it.
func (s *Source) Private() *privatekey.Key { return s.key }

// Info is the key.
func (s *Source) Info() keys.Info { return s.info }

// Uses returns the uses that Sign was called with.
func (s *Source) Uses() []keys.Use {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]keys.Use(nil), s.uses...)
}

func (s *Source) Name() string      { return "test" }
func (s *Source) List() []keys.Info { return []keys.Info{s.info} }

func (s *Source) Find(blob []byte) (keys.Info, bool) {
	return s.info, bytes.Equal(blob, s.info.Blob)
}

func (s *Source) Sign(ctx context.Context, use *keys.Use, data []byte, algorithm string) (*ssh.Signature, error) {
	s.mu.Lock()
	s.uses = append(s.uses, *use)
	s.mu.Unlock()
	if s.Before != nil {
		if err := s.Before(ctx, use); err != nil {
			return nil, err
		}
	}
	sig, err := s.key.SignWithAlgorithm(rand.Reader, data, algorithm)
	if err == nil && s.Corrupt {
		sig.Blob[0] ^= 1
	}
	return sig, err
}
