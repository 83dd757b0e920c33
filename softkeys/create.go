package softkeys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"filippo.io/age"

	"github.com/keybroker/keybroker/platform"
)

// probeTimeout bounds the look for a keychain: a bus that does not answer must
// not keep a server from using a passphrase.
const probeTimeout = 10 * time.Second

// Recipient returns what keys are sealed to. It needs no secret, except that
// the first call creates the vault, which may ask the person.
func (v *Vault) Recipient(ctx context.Context) (age.Recipient, error) {
	recipient, err := v.recipient()
	if errors.Is(err, fs.ErrNotExist) {
		return v.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	return recipient, nil
}

// create makes a vault. The recipient is written last and only once, so a vault
// is there as a whole or not at all; of two that create at once, the first wins.
// The new one is open: the person has just given what opens it.
func (v *Vault) create(ctx context.Context) (age.Recipient, error) {
	epoch := v.currentEpoch()
	if err := os.MkdirAll(v.config.vaultDir(), 0o700); err != nil {
		return nil, fmt.Errorf("softkeys: create the vault: %w", err)
	}
	identity, undo, err := v.newIdentity(ctx)
	if err != nil {
		return nil, err
	}
	recipient := identity.Recipient()
	err = platform.WriteNewFile(v.config.recipientFile(), []byte(recipient.String()+"\n"), 0o600)
	if err == nil {
		v.keep(identity, epoch)
		return recipient, nil
	}
	undo()
	if errors.Is(err, fs.ErrExist) {
		return v.Recipient(ctx)
	}
	return nil, fmt.Errorf("softkeys: create the vault: %w", err)
}

// newIdentity makes an identity and puts it away; undo takes it out again.
func (v *Vault) newIdentity(ctx context.Context) (identity *age.X25519Identity, undo func(), err error) {
	if v.underPassphrase() { // creating it was interrupted before the recipient was written
		identity, err = v.openPassphrase(ctx, nil)
		return identity, func() {}, err
	}
	if identity, err = age.GenerateX25519Identity(); err != nil {
		return nil, nil, fmt.Errorf("softkeys: create the vault: %w", err)
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
		return nil, fmt.Errorf("softkeys: unknown seal %q\nuse %q, %q or %q", v.config.Seal, SealAuto, SealKeychain, SealPassphrase)
	}
	if v.keychainMayServe(ctx) {
		if undo, err = v.sealKeychain(ctx, identity); err == nil || ctx.Err() != nil {
			return undo, err
		}
	}
	return v.sealPassphrase(ctx, identity)
}
