package softkeys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/secret"
	"github.com/keybroker/keybroker/problem"
)

// probeTimeout bounds the search for a keychain: a server whose bus does not
// answer must still be able to use a passphrase.
const probeTimeout = 10 * time.Second

// OpenOrCreate returns the identity that keys are sealed to. It may ask the
// person. The first call creates the vault and leaves it open.
func (v *Vault) OpenOrCreate(ctx context.Context) (*age.X25519Identity, error) {
	identity, err := v.Open(ctx, nil)
	if errors.Is(err, errNoVault) {
		return v.create(ctx)
	}
	return identity, err
}

// create makes a vault. The recipient is written last and only once, so a vault
// is complete or absent; if two processes create one at once, the first wins.
// The new vault stays open: the person has just unlocked it.
func (v *Vault) create(ctx context.Context) (*age.X25519Identity, error) {
	epoch := v.currentEpoch()
	if err := v.checkCreate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(v.config.vaultDir(), 0o700); err != nil {
		return nil, fmt.Errorf("create the vault: %w", err)
	}
	identity, undo, err := v.newIdentity(ctx)
	if err != nil {
		return nil, err
	}
	err = platform.WriteNewFile(v.config.recipientFile(), []byte(identity.Recipient().String()+"\n"), 0o600)
	if err == nil {
		v.keepProof(identity)
		v.keep(identity, epoch)
		return identity, nil
	}
	undo()
	if errors.Is(err, fs.ErrExist) {
		return v.OpenOrCreate(ctx)
	}
	return nil, fmt.Errorf("create the vault: %w", err)
}

// checkCreate refuses to replace a vault that was lost, or removed by another
// program. A vault under a passphrase that lacks only its recipient may be
// completed: the passphrase proves it.
func (v *Vault) checkCreate() error {
	if err := platform.CheckTrustedDir(v.config.vaultDir()); err != nil {
		return fmt.Errorf("create the vault: %w", err)
	}
	sealed, err := filepath.Glob(filepath.Join(v.config.keysDir(), "*.age"))
	if err != nil || len(sealed) == 0 || v.underPassphrase() {
		return nil
	}
	return problem.With(fmt.Errorf("there are sealed keys in %s, but the vault that opens them is missing", v.config.keysDir()),
		"restore %s from a backup; to begin anew beside it, move the directory away, and keep it: mv %[2]s %[2]s.old",
		v.config.vaultDir(), v.config.Dir)
}

// newIdentity makes an identity and stores it; undo removes it again.
func (v *Vault) newIdentity(ctx context.Context) (identity *age.X25519Identity, undo func(), err error) {
	if v.underPassphrase() { // creating it was interrupted before the recipient was written
		identity, err = v.openPassphrase(ctx, nil)
		return identity, func() {}, err
	}
	if identity, err = secret.Get(age.GenerateX25519Identity); err != nil {
		return nil, nil, fmt.Errorf("create the vault: %w", err)
	}
	undo, err = v.seal(ctx, identity)
	return identity, undo, err
}

func (v *Vault) seal(ctx context.Context, identity *age.X25519Identity) (undo func(), err error) {
	switch v.config.Seal {
	case SealKeychain:
		return v.sealKeychain(ctx, identity)
	case SealPassphrase:
		return v.sealPassphrase(ctx, identity)
	case SealAuto, "":
	default:
		return nil, problem.With(fmt.Errorf("unknown seal %q", v.config.Seal), "use %q, %q or %q", SealAuto, SealKeychain, SealPassphrase)
	}
	if v.keychainMayServe(ctx) {
		if undo, err = v.sealKeychain(ctx, identity); err == nil || ctx.Err() != nil {
			return undo, err
		}
	}
	return v.sealPassphrase(ctx, identity)
}
