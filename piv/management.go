package piv

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
)

// managementKey is the key reference of the card management key (SP 800-73-4
// part 1 table 4b).
const managementKey = 0x9B

// Algorithms of the card management key (SP 800-78-4 table 6-2).
const (
	TripleDES Algorithm = 0x03
	AES128    Algorithm = 0x08
	AES192    Algorithm = 0x0A
	AES256    Algorithm = 0x0C
)

// ErrManagementKey means that the card refused the management key.
var ErrManagementKey = errors.New("the card does not accept this management key")

// DefaultManagementKey returns the factory key of a YubiKey, which is public.
func DefaultManagementKey() []byte {
	key := make([]byte, 24)
	for i := range key {
		key[i] = byte(i%8) + 1
	}
	return key
}

// ManagementMetadata reads the metadata of the management key. The error wraps
// ErrNotOffered on a card without metadata.
func (a *Applet) ManagementMetadata(ctx context.Context) (Metadata, error) {
	return a.secretMetadata(ctx, managementKey)
}

// AuthenticateManagement proves to the card that we know the management key, and
// makes the card prove the same (SP 800-73-4 part 2 section 3.2.4 and part 1
// appendix A.1). It lasts until the PIV application is left. The error wraps
// ErrManagementKey if the key is wrong; a YubiKey counts no tries.
func (a *Applet) AuthenticateManagement(ctx context.Context, key []byte) error {
	alg, err := a.managementAlgorithm(ctx)
	if err != nil {
		return err
	}
	block, err := cipherOf(alg, key)
	if err != nil {
		return err
	}
	witness, err := a.manage(ctx, alg, appendTLV(nil, 0x80, nil), 0x80)
	if err != nil {
		return err
	}
	if len(witness) != block.BlockSize() {
		return fmt.Errorf("management key: %w", ErrBadResponse)
	}
	block.Decrypt(witness, witness)
	challenge := make([]byte, block.BlockSize())
	_, _ = rand.Read(challenge) // never fails
	answer, err := a.manage(ctx, alg, appendTLV(appendTLV(nil, 0x80, witness), 0x81, challenge), 0x82)
	if err != nil {
		return err
	}
	block.Encrypt(challenge, challenge)
	if subtle.ConstantTimeCompare(challenge, answer) != 1 {
		return fmt.Errorf("management key: %w: the card does not know it", ErrManagementKey)
	}
	return nil
}

// managementAlgorithm returns 3DES for a card without metadata: older firmware has
// no other.
func (a *Applet) managementAlgorithm(ctx context.Context) (Algorithm, error) {
	metadata, err := a.ManagementMetadata(ctx)
	if errors.Is(err, ErrNotOffered) || absent(err) || err == nil && metadata.Algorithm == 0 {
		return TripleDES, nil
	}
	return metadata.Algorithm, err
}

// managementKeyBytes are the lengths of a management key (SP 800-78-4 table 6-2).
var managementKeyBytes = map[Algorithm]int{TripleDES: 24, AES128: 16, AES192: 24, AES256: 32}

// NewManagementKey returns a random key for the algorithm of the card's management
// key; the caller wipes it.
func (a *Applet) NewManagementKey(ctx context.Context) ([]byte, error) {
	alg, err := a.managementAlgorithm(ctx)
	if err != nil {
		return nil, err
	}
	size, ok := managementKeyBytes[alg]
	if !ok {
		return nil, fmt.Errorf("management key: %s is not supported", alg)
	}
	key := make([]byte, size)
	_, _ = rand.Read(key) // never fails
	return key, nil
}

// SetManagementKey sets a new management key on a YubiKey. It keeps the algorithm
// and the touch policy: not every firmware accepts others. It needs
// AuthenticateManagement right before.
func (a *Applet) SetManagementKey(ctx context.Context, key []byte) error {
	alg, err := a.managementAlgorithm(ctx)
	if err != nil {
		return err
	}
	metadata, err := a.ManagementMetadata(ctx)
	if err := fatalOnly(err); err != nil {
		return err
	}
	touch := byte(0xFF)
	if metadata.Touch == TouchAlways {
		touch = 0xFE
	}
	data := append([]byte{byte(alg), managementKey, byte(len(key))}, key...)
	defer clear(data)
	if _, err := a.call(ctx, command{ins: insSetManagementKey, p1: 0xFF, p2: touch, data: data, secret: true}); err != nil {
		return fmt.Errorf("set management key: %w", err)
	}
	return nil
}

func cipherOf(alg Algorithm, key []byte) (cipher.Block, error) {
	size, ok := managementKeyBytes[alg]
	switch {
	case !ok:
		return nil, fmt.Errorf("management key: %s is not supported", alg)
	case len(key) != size:
		return nil, fmt.Errorf("management key: %w: it has %d bytes, but the card's has %d", ErrManagementKey, len(key), size)
	case alg == TripleDES:
		return des.NewTripleDESCipher(key)
	}
	return aes.NewCipher(key)
}

// manage sends one step of the authentication. It is secret, because it must not
// reach another application.
func (a *Applet) manage(ctx context.Context, alg Algorithm, template []byte, want tag) ([]byte, error) {
	response, err := a.call(ctx, command{ins: insGeneralAuthenticate, p1: byte(alg), p2: managementKey,
		data: appendTLV(nil, 0x7C, template), want: shortAnswer, secret: true})
	var refused Status
	if errors.As(err, &refused) {
		return nil, fmt.Errorf("management key: %w (%w)", ErrManagementKey, refused)
	}
	if err != nil {
		return nil, fmt.Errorf("management key: %w", err)
	}
	answer, err := required(response, 0x7C)
	if err != nil {
		return nil, fmt.Errorf("management key: %w", err)
	}
	return required(answer, want)
}
