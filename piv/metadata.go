package piv

import (
	"context"
	"crypto"
	"errors"
	"fmt"
)

// Metadata is what a YubiKey tells of a key or a PIN.
type Metadata struct {
	Algorithm Algorithm
	PIN       PINPolicy
	Touch     TouchPolicy
	Origin    string           // "generated", "imported", "" when the card does not tell
	PublicKey crypto.PublicKey // nil for a PIN
	Default   bool             // the PIN, PUK or management key is the one it was delivered with
	Told      bool             // whether the card says so, or not so
	Retries   int              // tries of a PIN at its best, -1 when not told
	Tries     int              // tries left, -1 when not told
}

// Metadata reads the metadata of a slot. The error wraps StatusReferenceNotFound
// where the card says that the slot holds no key, be it by a status word or, as
// some do, by an answer without algorithm and key.
func (a *Applet) Metadata(ctx context.Context, slot Slot) (Metadata, error) {
	m, err := a.metadata(ctx, byte(slot))
	if err == nil && m.Algorithm == 0 && m.PublicKey == nil {
		return Metadata{}, fmt.Errorf("metadata of slot %s: %w", slot, StatusReferenceNotFound)
	}
	return m, err
}

// PINMetadata reads the metadata of the PIN; also when it is verified.
func (a *Applet) PINMetadata(ctx context.Context) (Metadata, error) {
	return a.secretMetadata(ctx, byte(PINApplication))
}

// PUKMetadata reads the metadata of the PUK.
func (a *Applet) PUKMetadata(ctx context.Context) (Metadata, error) {
	return a.secretMetadata(ctx, byte(PUK))
}

// secretMetadata takes metadata that cannot be read for none: nothing depends on
// them but what is shown.
func (a *Applet) secretMetadata(ctx context.Context, reference byte) (Metadata, error) {
	m, err := a.metadata(ctx, reference)
	if errors.Is(err, errTLV) {
		return Metadata{}, fmt.Errorf("metadata of %02x: %w", reference, ErrNotOffered)
	}
	return m, err
}

func (a *Applet) metadata(ctx context.Context, reference byte) (Metadata, error) {
	data, err := a.yubico(ctx, command{ins: insGetMetadata, p2: reference, want: longAnswer})
	if err != nil {
		return Metadata{}, err
	}
	return parseMetadata(data)
}

func parseMetadata(data []byte) (Metadata, error) {
	m := Metadata{Retries: -1, Tries: -1}
	var key []byte
	for rest := data; len(rest) > 0; {
		t, value, next, err := readTLV(rest)
		if err != nil {
			return Metadata{}, fmt.Errorf("metadata: %w", err)
		}
		rest = next
		switch {
		case t == 0x01 && len(value) == 1:
			m.Algorithm = Algorithm(value[0])
		case t == 0x02 && len(value) == 2:
			m.PIN, m.Touch = pinPolicy(value[0]), touchPolicy(value[1])
		case t == 0x03 && len(value) == 1:
			m.Origin = map[byte]string{1: "generated", 2: "imported"}[value[0]]
		case t == 0x04:
			key = value
		case t == 0x05 && len(value) == 1:
			m.Default, m.Told = value[0] == 1, true
		case t == 0x06 && len(value) == 2:
			m.Retries, m.Tries = int(value[0]), int(value[1])
		case t == 0x06 && len(value) == 1: // no maximum
			m.Tries = int(value[0])
		}
	}
	m.PublicKey = publicKey(m.Algorithm, key)
	return m, nil
}

func pinPolicy(b byte) PINPolicy {
	return map[byte]PINPolicy{1: PINNever, 2: PINOnce, 3: PINAlways, 4: PINMatchOnce, 5: PINMatchAlways}[b]
}

func touchPolicy(b byte) TouchPolicy {
	return map[byte]TouchPolicy{1: TouchNever, 2: TouchAlways, 3: TouchCached}[b]
}
