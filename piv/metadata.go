package piv

import (
	"context"
	"crypto"
	"errors"
	"fmt"
)

// Metadata is what a YubiKey reports about a key or a PIN.
type Metadata struct {
	Algorithm Algorithm
	PIN       PINPolicy
	Touch     TouchPolicy
	Origin    string           // "generated", "imported"; "": not reported
	PublicKey crypto.PublicKey // nil for a PIN
	Default   bool             // the PIN, PUK or management key is the factory's
	Told      bool             // Default was reported
	Retries   int              // maximum tries of a PIN; -1: not reported
	Tries     int              // tries left; -1: not reported
}

// Metadata reads the metadata of a slot. The error wraps StatusReferenceNotFound if
// the slot holds no key: some cards say so with a status word, others with an
// answer without algorithm and key.
func (a *Applet) Metadata(ctx context.Context, slot Slot) (Metadata, error) {
	m, err := a.metadata(ctx, byte(slot))
	if err == nil && m.Algorithm == 0 && m.PublicKey == nil {
		return Metadata{}, fmt.Errorf("metadata of slot %s: %w", slot, StatusReferenceNotFound)
	}
	return m, err
}

// PINMetadata reads the metadata of the PIN, even while it is verified.
func (a *Applet) PINMetadata(ctx context.Context) (Metadata, error) {
	return a.secretMetadata(ctx, byte(PINApplication))
}

// PUKMetadata reads the metadata of the PUK.
func (a *Applet) PUKMetadata(ctx context.Context) (Metadata, error) {
	return a.secretMetadata(ctx, byte(PUK))
}

// secretMetadata treats unreadable metadata as none: they are only displayed.
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
			m.PIN, m.Touch = PoliciesOf(value[0], value[1])
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

// PoliciesOf reads Yubico's codes for a key's PIN and touch policies; "" for unknown ones.
func PoliciesOf(pin, touch byte) (PINPolicy, TouchPolicy) {
	return map[byte]PINPolicy{1: PINNever, 2: PINOnce, 3: PINAlways, 4: PINMatchOnce, 5: PINMatchAlways}[pin],
		map[byte]TouchPolicy{1: TouchNever, 2: TouchAlways, 3: TouchCached}[touch]
}
