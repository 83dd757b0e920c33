package softkeys

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"filippo.io/age"

	"github.com/keybroker/keybroker/platform/secret"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/softkeys/keychain"
)

// attributes name the vault's secret in the keychain. A user may have several
// vaults (a second data directory), so a short hash tells them apart.
func attributes(recipient *age.X25519Recipient) keychain.Attributes {
	hash := sha256.Sum256([]byte(recipient.String()))
	return keychain.Attributes{"service": "keybroker", "kind": "age-identity", "vault": hex.EncodeToString(hash[:8])}
}

// keychainMayServe does not ask the person. A locked keychain may serve: storing
// asks to unlock it.
func (v *Vault) keychainMayServe(ctx context.Context) bool {
	if v.config.Keychain == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := v.config.Keychain.Available(ctx)
	return err == nil || errors.Is(err, keychain.ErrLocked)
}

// sealKeychain stores the identity and reads it back: keys must not be sealed to
// an identity that cannot be read.
func (v *Vault) sealKeychain(ctx context.Context, identity *age.X25519Identity) (undo func(), err error) {
	if v.config.Keychain == nil {
		return nil, v.keychainError("create the vault", keychain.ErrAbsent)
	}
	names := attributes(identity.Recipient())
	line, _ := secret.Get(func() ([]byte, error) { return []byte(identity.String()), nil })
	defer clear(line)
	if err := v.config.Keychain.Store(ctx, names, line); err != nil {
		return nil, v.keychainError("create the vault", err)
	}
	undo = func() { v.config.Keychain.Delete(context.WithoutCancel(ctx), names) }
	back, err := v.openKeychain(ctx, identity.Recipient())
	if err != nil || !equal(back, identity) {
		undo()
		return nil, errors.Join(errors.New("create the vault: the keychain did not return what was stored in it"), err)
	}
	return undo, nil
}

func (v *Vault) openKeychain(ctx context.Context, recipient *age.X25519Recipient) (*age.X25519Identity, error) {
	if v.config.Keychain == nil {
		return nil, v.keychainError("open the vault", keychain.ErrAbsent)
	}
	line, err := v.config.Keychain.Load(ctx, attributes(recipient))
	if err != nil {
		return nil, v.keychainError("open the vault", err)
	}
	defer clear(line)
	identity, err := secret.Get(func() (*age.X25519Identity, error) { return age.ParseX25519Identity(string(line)) })
	if err != nil {
		return nil, problem.New("open the vault: the keychain's entry for this vault is damaged", "restore the keyring from a backup") // age's own error would quote the secret
	}
	return identity, nil
}

// keychainError adds the remedy for each state.
func (v *Vault) keychainError(doing string, err error) error {
	err = fmt.Errorf("%s: %w", doing, err)
	switch {
	case errors.Is(err, keychain.ErrLocked), errors.Is(err, keychain.ErrDismissed):
		return problem.With(err, "unlock the keyring (log in to the desktop or open its password program), then try again")
	case errors.Is(err, keychain.ErrAbsent):
		return problem.With(err, "start a Secret Service (gnome-keyring, KWallet, KeePassXC) in this session; "+
			"a new vault does not need one: set seal = \"passphrase\"")
	case errors.Is(err, keychain.ErrNotFound):
		return problem.With(err, "restore the keyring from a backup; to begin anew without it, move %s away, and keep it", v.config.Dir)
	}
	return err
}
