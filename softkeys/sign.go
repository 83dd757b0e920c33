package softkeys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/privatekey"
	"github.com/keybroker/keybroker/platform/secret"
	"github.com/keybroker/keybroker/problem"
)

// Sign implements keys.Source.
func (s *Store) Sign(ctx context.Context, use *keys.Use, data []byte, algorithm string) (*ssh.Signature, error) {
	signer, err := s.signer(ctx, use)
	if err != nil {
		return nil, err
	}
	return sign(signer, data, algorithm)
}

// Lend implements keys.Lender.
func (s *Store) Lend(ctx context.Context, use *keys.Use) (*privatekey.Key, error) {
	signer, err := s.signer(ctx, use)
	if err != nil {
		return nil, err
	}
	key, _ := signer.(*privatekey.Key)
	return key, nil
}

// signer returns the key of use. The first use opens the vault, which may wait
// for the person, and then the key's file. It refuses if the name that the
// request was decided on is not proved by the opened vault.
func (s *Store) signer(ctx context.Context, use *keys.Use) (ssh.AlgorithmSigner, error) {
	if _, err := s.listedAs(&use.Key); err != nil {
		return nil, err
	}
	s.mu.RLock()
	signer := s.opened[string(use.Key.Blob)] // holds only proved keys
	s.mu.RUnlock()
	if signer != nil {
		return signer, nil
	}
	return s.open(ctx, use)
}

// listedAs finds the key if it still has the name and comment of the decision.
func (s *Store) listedAs(key *keys.Info) (*entry, error) {
	l := s.current()
	e := l.byBlob[string(key.Blob)]
	if e == nil {
		return nil, l.unusableError(key.Blob)
	}
	s.mu.RLock()
	_, hidden := s.hidden[string(key.Blob)]
	s.mu.RUnlock()
	if hidden {
		return nil, fmt.Errorf("sign: %w", keys.ErrNotFound)
	}
	if e.info.Name != key.Name || e.info.Comment != key.Comment {
		return nil, problem.With(fmt.Errorf("the key %s was renamed to %s while the request was being decided", key.Name, e.info.Name), "try again")
	}
	return e, nil
}

// unusableError says why a key cannot be used.
func (l *listing) unusableError(blob []byte) error {
	for _, e := range l.entries {
		if bytes.Equal(e.blob, blob) {
			return e.error()
		}
	}
	return fmt.Errorf("sign: %w", keys.ErrNotFound)
}

func (e *entry) error() error {
	return problem.With(fmt.Errorf("the key %s is damaged: %s", e.info.Name, e.damage), "%s", e.remedy)
}

// open opens the key of use and keeps it, unless it was forgotten or removed in
// the meantime: then it makes this one signature.
func (s *Store) open(ctx context.Context, use *keys.Use) (ssh.AlgorithmSigner, error) {
	s.mu.RLock()
	epoch := s.epoch
	s.mu.RUnlock()
	identity, err := s.vault.Open(ctx, use)
	if err != nil {
		return nil, err
	}
	e, err := s.listedAs(&use.Key) // the vault is open, so this checks the proof
	if err != nil {
		return nil, err
	}
	path, blob := s.file(e.info.Name, ".age"), string(e.blob)
	sealed, err := readSealed(path)
	if err != nil {
		return nil, s.damaged(e.info, plain(err, path))
	}
	signer, err := secret.Get(func() (ssh.AlgorithmSigner, error) { return openKey(sealed, e.blob, identity) })
	if err != nil {
		return nil, s.damaged(e.info, filepath.Base(path)+" "+err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.broken, blob)
	if s.epoch == epoch {
		s.opened[blob] = signer
	}
	return signer, nil
}

// damaged records what is wrong with a key, for its State.
func (s *Store) damaged(info keys.Info, what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[string(info.Blob)] = what
	return problem.With(fmt.Errorf("the key %s is damaged: %s", info.Name, what), "%s", keepFiles)
}

// openKey decrypts one key, and refuses it if it is not the listed one.
func openKey(sealed, blob []byte, identity age.Identity) (ssh.AlgorithmSigner, error) {
	file, err := decryptKey(sealed, identity)
	if err != nil {
		return nil, err
	}
	defer clear(file)
	private, err := parseRaw(file)
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

// decryptKey returns the private key as PEM, which the caller wipes.
func decryptKey(sealed []byte, identity age.Identity) ([]byte, error) {
	file, err := decrypt(identity, sealed)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, errors.New("is sealed to another vault")
	}
	if err != nil {
		return nil, errors.New("does not decrypt")
	}
	return file, nil
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
	secret.Sweep()
}
