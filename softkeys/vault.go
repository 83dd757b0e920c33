package softkeys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"filippo.io/age"

	"github.com/keybroker/keybroker/agent/keys"
)

// Vault holds the one age identity that a user's keys are sealed to.
type Vault struct {
	config Config

	mu       sync.Mutex // guards what follows; never held while anybody is waited for
	identity *age.X25519Identity
	opening  *opening // the one that is under way
	epoch    uint64   // counts Forget
}

// opening is one attempt to open the vault, shared by all who wait for it.
type opening struct {
	done      chan struct{} // closed after the rest is set
	identity  *age.X25519Identity
	err       error
	abandoned bool   // who began it went away, so err says nothing to the others
	epoch     uint64 // of the vault when it began
}

// NewVault returns the vault in config.Dir. It touches nothing yet.
func NewVault(config Config) *Vault { return &Vault{config: config} }

// Opened says whether the next Open returns at once.
func (v *Vault) Opened() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.identity != nil
}

// Seal is what guards the identity; "" while there is no vault.
func (v *Vault) Seal() Seal {
	switch _, err := v.recipient(); {
	case err != nil:
		return ""
	case v.underPassphrase():
		return SealPassphrase
	default:
		return SealKeychain
	}
}

// Forget drops the identity, so that the next Open asks for it again. What an
// Open that is under way finds serves those that wait for it already, no later
// one, and is not kept.
func (v *Vault) Forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.identity, v.opening = nil, nil
	v.epoch++
}

func (v *Vault) currentEpoch() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.epoch
}

// keep leaves the vault open, unless there was a Forget since that epoch.
func (v *Vault) keep(identity *age.X25519Identity, epoch uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.epoch == epoch {
		v.identity = identity
	}
}

// Open returns the identity. Only one caller at a time asks the keychain or the
// person; the others wait for its outcome, each until its own ctx ends. use is
// shown to the person, and may be nil.
func (v *Vault) Open(ctx context.Context, use *keys.Use) (*age.X25519Identity, error) {
	for {
		identity, current, mine := v.join()
		switch {
		case identity != nil:
			return identity, nil
		case mine:
			v.run(ctx, use, current)
			return current.identity, current.err
		}
		select {
		case <-current.done:
			if !current.abandoned {
				return current.identity, current.err
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("softkeys: wait for the vault to be opened: %w", context.Cause(ctx))
		}
	}
}

// join returns the identity, or the opening that is under way, or a new one
// that the caller must run.
func (v *Vault) join() (identity *age.X25519Identity, current *opening, mine bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.identity != nil || v.opening != nil {
		return v.identity, v.opening, false
	}
	v.opening = &opening{done: make(chan struct{}), err: errors.New("softkeys: opening the vault broke off"), epoch: v.epoch}
	return nil, v.opening, true
}

func (v *Vault) run(ctx context.Context, use *keys.Use, current *opening) {
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if current.epoch == v.epoch {
			v.opening, v.identity = nil, current.identity
		}
		close(current.done)
	}()
	current.identity, current.err = v.open(ctx, use)
	current.abandoned = current.err != nil && ctx.Err() != nil
}

func (v *Vault) open(ctx context.Context, use *keys.Use) (*age.X25519Identity, error) {
	recipient, err := v.recipient()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("softkeys: there is no vault in %s\n"+
			"`keybroker keys generate NAME` or `keybroker keys import` creates it", v.config.Dir)
	}
	if err != nil {
		return nil, err
	}
	var identity *age.X25519Identity
	if v.underPassphrase() {
		identity, err = v.openPassphrase(ctx, use)
	} else {
		identity, err = v.openKeychain(ctx, recipient)
	}
	if err != nil {
		return nil, err
	}
	if identity.Recipient().String() != recipient.String() {
		return nil, fmt.Errorf("softkeys: the vault's secret does not belong to %s\n"+
			"restore the whole directory %s from one backup", v.config.recipientFile(), v.config.Dir)
	}
	return identity, nil
}

// underPassphrase tells the two kinds of vault apart.
func (v *Vault) underPassphrase() bool {
	_, err := os.Lstat(v.config.identityFile())
	return err == nil
}

// recipient reads what keys are sealed to; fs.ErrNotExist: there is no vault.
func (v *Vault) recipient() (*age.X25519Recipient, error) {
	line, err := readFile(v.config.recipientFile(), maxPublicFile)
	if err != nil {
		return nil, fmt.Errorf("softkeys: open the vault: %w", err)
	}
	recipient, err := age.ParseX25519Recipient(strings.TrimSpace(string(line)))
	if err != nil {
		return nil, fmt.Errorf("softkeys: the file %s is damaged: %w\nrestore it from a backup", v.config.recipientFile(), err)
	}
	return recipient, nil
}
