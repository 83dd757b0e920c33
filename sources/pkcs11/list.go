package pkcs11

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
)

// List implements keys.Source.
func (s *Source) List() []keys.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []keys.Info
	for _, p := range s.providers {
		if !p.expired() {
			list = append(list, p.infos()...)
		}
	}
	return list
}

// Find implements keys.Source.
func (s *Source) Find(blob []byte) (keys.Info, bool) {
	_, k := s.find(blob)
	return k.info, k.plain != nil
}

func (s *Source) find(blob []byte) (*provider, key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.providers {
		for _, k := range p.keys {
			if bytes.Equal(k.info.Blob, blob) && !p.expired() {
				return p, k
			}
		}
	}
	return nil, key{}
}

// expired does not rely on the timer, which is late after a suspend.
func (p *provider) expired() bool { return p.limits.Expired(time.Now()) }

// Sign implements keys.Source. It waits for earlier signatures of the helper and
// for the token, until ctx ends.
func (s *Source) Sign(ctx context.Context, use *keys.Use, data []byte, algorithm string) (*ssh.Signature, error) {
	p, k := s.find(use.Key.Blob)
	if p == nil {
		return nil, fmt.Errorf("sign: %w", keys.ErrNotFound)
	}
	signature, err := p.helper.sign(ctx, k.plain, data, algorithm)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signature, nil
}

// Remove implements keys.Remover. A provider without keys is dropped.
func (s *Source) Remove(blob []byte) error {
	p, _ := s.find(blob)
	if p == nil {
		return fmt.Errorf("remove: %w", keys.ErrNotFound)
	}
	s.mu.Lock()
	p.keys = slices.DeleteFunc(slices.Clone(p.keys), func(k key) bool { return bytes.Equal(k.info.Blob, blob) })
	empty := len(p.keys) == 0
	s.mu.Unlock()
	if empty {
		s.drop(p, "")
	}
	return nil
}

// RemoveAll implements keys.Remover.
func (s *Source) RemoveAll() {
	s.mu.Lock()
	all := slices.Clone(s.providers)
	s.mu.Unlock()
	for _, p := range all {
		s.drop(p, "")
	}
}
