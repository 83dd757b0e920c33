package softkeys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"filippo.io/age"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/secret"
	"github.com/keybroker/keybroker/problem"
)

// maxTries is how often a person may mistype before the request is refused.
const maxTries = 3

// errWrongPassphrase distinguishes a mistyped passphrase from a damaged file.
var errWrongPassphrase = errors.New("wrong passphrase")

// sealPassphrase writes vault/identity.age and opens it again.
func (v *Vault) sealPassphrase(ctx context.Context, identity *age.X25519Identity) (undo func(), err error) {
	passphrase, err := v.newPassphrase(ctx)
	if err != nil {
		return nil, fmt.Errorf("create the vault: %w", err)
	}
	defer clear(passphrase)
	sealed, err := secret.Get(func() ([]byte, error) { return v.encryptIdentity(identity, passphrase) })
	if err != nil {
		return nil, fmt.Errorf("create the vault: %w", err)
	}
	err = platform.WriteNewFile(v.config.identityFile(), sealed, 0o600)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = problem.New("another keybroker is creating it now", "try again")
		}
		return nil, fmt.Errorf("create the vault: %w", err)
	}
	undo = func() { os.Remove(v.config.identityFile()) }
	back, err := v.tryPassphrase(passphrase)
	if err != nil || !equal(back, identity) {
		undo()
		return nil, errors.Join(errors.New("create the vault: the new file cannot be opened"), err)
	}
	return undo, nil
}

// openPassphrase opens vault/identity.age. A person gets maxTries; a passphrase
// file is tried once, because it would only be wrong again.
func (v *Vault) openPassphrase(ctx context.Context, use *keys.Use) (*age.X25519Identity, error) {
	if v.config.PassphraseFile != "" {
		passphrase, err := readPassphraseFile(v.config.PassphraseFile)
		if err != nil {
			return nil, fmt.Errorf("open the vault: %w", err)
		}
		identity, err := v.tryPassphrase(passphrase)
		if errors.Is(err, errWrongPassphrase) {
			err = problem.With(fmt.Errorf("%w in %s", err, v.config.PassphraseFile), "put the vault's passphrase there")
		}
		return identity, err
	}
	lastError := ""
	for try := 1; ; try++ {
		passphrase, err := v.ask(ctx, "Open your SSH keys", "The passphrase of the keys in "+v.config.Dir, lastError, use)
		if err != nil {
			return nil, fmt.Errorf("open the vault: %w", err)
		}
		identity, err := v.tryPassphrase(passphrase)
		if !errors.Is(err, errWrongPassphrase) || try == maxTries {
			return identity, err
		}
		lastError = fmt.Sprintf("Wrong passphrase, %d of %d tries left", maxTries-try, maxTries)
	}
}

// tryPassphrase wipes the passphrase.
func (v *Vault) tryPassphrase(passphrase []byte) (*age.X25519Identity, error) {
	defer clear(passphrase)
	identity, err := secret.Get(func() (*age.X25519Identity, error) { return v.readIdentity(passphrase) })
	if err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	return identity, nil
}

// newPassphrase asks twice, because a mistyped one would lose the keys.
func (v *Vault) newPassphrase(ctx context.Context) ([]byte, error) {
	if v.config.PassphraseFile != "" {
		return readPassphraseFile(v.config.PassphraseFile)
	}
	lastError := ""
	for range maxTries {
		first, err := v.ask(ctx, "Choose a passphrase", "It will guard the SSH keys in "+v.config.Dir, lastError, nil)
		if err != nil {
			return nil, err
		}
		second, err := v.ask(ctx, "Repeat the passphrase", "Type the new passphrase once more", "", nil)
		repeated := bytes.Equal(first, second)
		clear(second)
		if err == nil && repeated && len(first) > 0 {
			return first, nil
		}
		clear(first)
		if err != nil {
			return nil, err
		}
		lastError = "The two differ"
		if repeated {
			lastError = "An empty passphrase guards nothing"
		}
	}
	return nil, errors.New("no passphrase was chosen")
}

// ask returns the passphrase; the caller wipes it.
func (v *Vault) ask(ctx context.Context, title, text, lastError string, use *keys.Use) ([]byte, error) {
	if v.config.Person == nil {
		return nil, problem.New("a passphrase is needed, and there is no way to ask for it", "set passphrase_file in the configuration, or start keybroker where it can show a prompt")
	}
	return v.config.Person.Secret(ctx, keys.Question{Title: title, Text: text, Prompt: "Passphrase:", Error: lastError, Use: use})
}
