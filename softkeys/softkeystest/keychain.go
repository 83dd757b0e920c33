// Package softkeystest has keychains for tests: a fake that fails on demand, and
// the real gnome-keyring on a private bus.
package softkeystest

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/keybroker/keybroker/softkeys/keychain"
)

// Keychain is a keychain in memory.
type Keychain struct {
	mu      sync.Mutex // guards what follows; never held while Load is blocked
	secrets map[string][]byte
	err     error
	loads   int
	block   chan struct{}
}

var _ keychain.Keychain = (*Keychain)(nil)

// New returns an empty, open keychain.
func New() *Keychain { return &Keychain{secrets: map[string][]byte{}} }

// Fail makes every call return err, until Fail(nil).
func (k *Keychain) Fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

// Block makes every later Load wait, as for a person, until release is called or
// the Load's ctx ends.
func (k *Keychain) Block() (release func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.block = make(chan struct{})
	return sync.OnceFunc(func() { close(k.block) })
}

// Loads returns the number of calls of Load.
func (k *Keychain) Loads() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.loads
}

// Replace exchanges every secret for another one.
func (k *Keychain) Replace(secret []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name := range k.secrets {
		k.secrets[name] = bytes.Clone(secret)
	}
}

// Len returns the number of secrets.
func (k *Keychain) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.secrets)
}

// Name implements keychain.Keychain.
func (k *Keychain) Name() string { return "fake" }

// Available implements keychain.Keychain.
func (k *Keychain) Available(context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// Load implements keychain.Keychain.
func (k *Keychain) Load(ctx context.Context, attributes keychain.Attributes) ([]byte, error) {
	k.mu.Lock()
	k.loads++
	block := k.block
	k.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return nil, fmt.Errorf("fake keychain: %w", context.Cause(ctx))
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	secret, found := k.secrets[name(attributes)]
	switch {
	case k.err != nil:
		return nil, k.err
	case !found:
		return nil, fmt.Errorf("fake keychain: %w", keychain.ErrNotFound)
	}
	return bytes.Clone(secret), nil
}

// Store implements keychain.Keychain.
func (k *Keychain) Store(_ context.Context, attributes keychain.Attributes, secret []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		k.secrets[name(attributes)] = bytes.Clone(secret)
	}
	return k.err
}

// Delete implements keychain.Keychain.
func (k *Keychain) Delete(_ context.Context, attributes keychain.Attributes) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, found := k.secrets[name(attributes)]; !found && k.err == nil {
		return fmt.Errorf("fake keychain: %w", keychain.ErrNotFound)
	}
	delete(k.secrets, name(attributes))
	return k.err
}

func name(attributes keychain.Attributes) string {
	return fmt.Sprint(attributes) // fmt sorts the keys
}
