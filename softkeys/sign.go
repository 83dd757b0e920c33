package softkeys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/agent/keys"
)

// Sign implements keys.Source. The first signature of a key opens its file,
// and with it the vault, which may wait for the person.
func (s *Store) Sign(ctx context.Context, use *keys.Use, data []byte, algorithm string) (*ssh.Signature, error) {
	s.mu.RLock()
	signer := s.opened[string(use.Key.Blob)]
	s.mu.RUnlock()
	if signer == nil {
		var err error
		if signer, err = s.open(ctx, use); err != nil {
			return nil, err
		}
	}
	return sign(signer, data, algorithm)
}

// open opens the key of use and keeps it, unless it was forgotten or removed
// in the meantime: then it serves this one signature.
func (s *Store) open(ctx context.Context, use *keys.Use) (ssh.AlgorithmSigner, error) {
	info, found := s.Find(use.Key.Blob)
	if !found {
		return nil, fmt.Errorf("softkeys: sign: %w", keys.ErrNotFound)
	}
	s.mu.RLock()
	epoch := s.epoch
	s.mu.RUnlock()
	path, blob := s.file(info.Name, ".age"), string(info.Blob)
	sealed, err := readFile(path, maxKeyFile)
	if err != nil { // before anybody is asked to open the vault for it
		return nil, s.damaged(info, plainError(err, path))
	}
	identity, err := s.vault.Open(ctx, use)
	if err != nil {
		return nil, err
	}
	signer, err := openKey(sealed, info.Blob, identity)
	if err != nil {
		return nil, s.damaged(info, fmt.Errorf("%s %w", filepath.Base(path), err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.broken, blob)
	if s.epoch == epoch {
		s.opened[blob] = signer
	}
	return signer, nil
}

// damaged remembers what is wrong with a key, for its State.
func (s *Store) damaged(info keys.Info, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[string(info.Blob)] = err.Error()
	return fmt.Errorf("softkeys: the key %s is damaged: %w\n"+
		"restore it from a backup, or remove it and import it again", info.Name, err)
}

// openKey decrypts one key, and refuses one that is not the listed one.
func openKey(sealed, blob []byte, identity age.Identity) (ssh.AlgorithmSigner, error) {
	pem, err := decrypt(identity, sealed)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, errors.New("is sealed to another vault")
	}
	if err != nil {
		return nil, errors.New("does not decrypt")
	}
	defer clear(pem)
	private, err := ssh.ParseRawPrivateKey(pem)
	if err != nil {
		return nil, errors.New("does not hold a private key")
	}
	signer, err := signerOf(private)
	if err != nil {
		return nil, fmt.Errorf("does not hold a sound key: %w", err)
	}
	if !bytes.Equal(signer.PublicKey().Marshal(), blob) {
		return nil, errors.New("holds another key than the .pub file beside it")
	}
	return signer, nil
}

// Forget implements keys.Forgetter.
func (s *Store) Forget() {
	s.vault.Forget()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocked()
}

func (s *Store) dropLocked() {
	clear(s.opened)
	s.epoch++
}
