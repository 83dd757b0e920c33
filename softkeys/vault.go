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

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/secret"
	"github.com/keybroker/keybroker/problem"
)

// Vault holds the one age identity that a user's keys are sealed to.
type Vault struct {
	config Config

	stretching sync.Mutex // held while scrypt runs

	mu       sync.Mutex // guards what follows; never held during a wait
	identity *age.X25519Identity
	proof    *proofKey // of the identity that was opened last; outlives Forget
	opening  *opening  // in progress
	epoch    uint64    // counts Forget
}

// opening is one attempt to open the vault, shared by all its waiters.
type opening struct {
	done      chan struct{} // closed after the other fields are set
	identity  *age.X25519Identity
	err       error
	abandoned bool   // the caller that began it gave up, so the others ignore err
	epoch     uint64 // the vault's, when it began
}

// NewVault returns the vault in config.Dir. It reads nothing yet.
func NewVault(config Config) *Vault { return &Vault{config: config} }

// Opened reports whether the next Open returns at once.
func (v *Vault) Opened() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.identity != nil
}

// Seal returns what guards the identity; "" while there is no vault.
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

// Forget drops the identity, so that the next Open asks for it again. An Open in
// progress still serves its present waiters, but its identity is not kept.
func (v *Vault) Forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.identity, v.opening = nil, nil
	v.epoch++
	secret.Sweep()
}

func (v *Vault) currentEpoch() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.epoch
}

// keep leaves the vault open, unless Forget was called after that epoch.
func (v *Vault) keep(identity *age.X25519Identity, epoch uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.epoch == epoch {
		v.identity = identity
	}
}

// proofKey returns the key that checks the codes; nil if the vault was never opened.
func (v *Vault) proofKey() *proofKey {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.proof
}

// keepProof keeps the proof key of an identity. An equal key keeps the old
// pointer, because a listing compares pointers.
func (v *Vault) keepProof(identity *age.X25519Identity) {
	key := proofKeyOf(identity)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.proof == nil || *v.proof != *key {
		v.proof = key
	}
}

// prove opens the vault for its proof key only, and only without asking.
func (v *Vault) prove(ctx context.Context) {
	if v.proofKey() != nil || v.mustAsk(ctx) {
		return
	}
	if identity, err := v.open(ctx, nil); err == nil {
		v.keepProof(identity)
	}
}

func (v *Vault) mustAsk(ctx context.Context) bool {
	if v.underPassphrase() {
		return v.config.PassphraseFile == ""
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return v.config.Keychain == nil || v.config.Keychain.Available(ctx) != nil
}

// Open returns the identity. One caller at a time asks the keychain or the
// person; the others wait for the result, each until its ctx ends. use is shown
// to the person, and may be nil.
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
			return nil, fmt.Errorf("wait for the vault to be opened: %w", context.Cause(ctx))
		}
	}
}

// join returns the identity, or the opening in progress, or a new one that the
// caller must run.
func (v *Vault) join() (identity *age.X25519Identity, current *opening, mine bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.identity != nil || v.opening != nil {
		return v.identity, v.opening, false
	}
	v.opening = &opening{done: make(chan struct{}), err: errors.New("opening the vault was interrupted"), epoch: v.epoch}
	return nil, v.opening, true
}

func (v *Vault) run(ctx context.Context, use *keys.Use, current *opening) {
	defer secret.Sweep() // what opening it has left, the passphrase above all
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if current.epoch == v.epoch {
			v.opening, v.identity = nil, current.identity
		}
		close(current.done)
	}()
	if current.identity, current.err = v.open(ctx, use); current.err == nil {
		v.keepProof(current.identity)
	}
	current.abandoned = current.err != nil && ctx.Err() != nil
}

// errNoVault means that no vault was created yet.
var errNoVault = errors.New("there is no vault")

func (v *Vault) open(ctx context.Context, use *keys.Use) (*age.X25519Identity, error) {
	recipient, err := v.recipient()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.With(fmt.Errorf("%w in %s", errNoVault, v.config.Dir), "`keybroker keys generate NAME` or `keybroker keys import` creates it")
	}
	if err != nil {
		return nil, err
	}
	if err := v.Check(); err != nil {
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
		return nil, problem.With(fmt.Errorf("the vault's secret does not belong to %s", v.config.recipientFile()), "restore the whole directory %s from one backup", v.config.Dir)
	}
	return identity, nil
}

// Check refuses a vault that another user can change or read. It also refuses a
// vault in the keychain if the configuration wants a passphrase: a program of
// the user could have put one there, to read the keys that are sealed to it. It
// returns nil if there is no vault yet.
func (v *Vault) Check() error {
	if err := platform.CheckTrustedDir(v.config.vaultDir()); err != nil {
		return fmt.Errorf("the vault is not used: %w", err)
	}
	if _, err := v.recipient(); err != nil {
		return ignoreMissing(err)
	}
	if v.underPassphrase() {
		if _, err := platform.ReadPrivate(v.config.identityFile(), maxPublicFile); err != nil {
			return fmt.Errorf("the vault is not used: %w", err)
		}
		return nil
	}
	if v.config.Seal == SealPassphrase {
		return problem.With(fmt.Errorf(`the vault in %s is not under a passphrase, but seal = "passphrase" requires one`, v.config.Dir),
			`if it is yours, set seal = "auto"; if it is not, restore the whole directory %s from a backup`, v.config.Dir)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// underPassphrase reports whether a passphrase guards the identity, not the keychain.
func (v *Vault) underPassphrase() bool {
	_, err := os.Lstat(v.config.identityFile())
	return err == nil
}

// recipient reads the vault's public identity; fs.ErrNotExist means that there is
// no vault. Every program of the user can change the file, so nothing is sealed
// to it: it only names the secret in the keychain, and must match the opened
// vault.
func (v *Vault) recipient() (*age.X25519Recipient, error) {
	line, err := platform.ReadPrivate(v.config.recipientFile(), maxPublicFile)
	if err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	recipient, err := age.ParseX25519Recipient(strings.TrimSpace(string(line)))
	if err != nil {
		return nil, problem.With(fmt.Errorf("the file %s is damaged: %w", v.config.recipientFile(), err), "restore it from a backup")
	}
	return recipient, nil
}
