package piv

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"time"
)

// Yubico's instructions that change a card
// (docs.yubico.com, YubiKey technical manual, PIV).
const (
	insGenerate   = 0x47 // SP 800-73-4 part 2 section 3.3.2, with Yubico's policies
	insSetRetries = 0xFA
	insReset      = 0xFB
)

const (
	// generateLimit bounds making a key: the search for RSA-4096's primes can take a
	// YubiKey minutes.
	generateLimit = 10 * time.Minute
	// factoryPIN is what Reset would set if a wrong PUK were right.
	factoryPIN = "123456"
	// maxTries is how many tries a PIN or a PUK can have: the card counts in a byte.
	maxTries = 255
)

// policyCodes are the values of Yubico's tags AA and AB.
var (
	pinPolicyCodes   = map[PINPolicy]byte{PINNever: 1, PINOnce: 2, PINAlways: 3}
	touchPolicyCodes = map[TouchPolicy]byte{TouchNever: 1, TouchAlways: 2, TouchCached: 3}
)

// Patiently is Do for an operation whose commands may take minutes. Once run has begun,
// the end of ctx does not stop it.
func (h *Handle) Patiently(ctx context.Context, run func(context.Context, *Applet) error) error {
	return h.inTurn(ctx, func() error {
		defer func() { h.session.usedAt = time.Now() }()
		lasting := context.WithoutCancel(ctx)
		return h.perform(lasting, generateLimit, func(a *Applet) error { return run(lasting, a) })
	})
}

// Generate has a YubiKey make a key in a slot, in the place of what is there, and
// returns its public half. It needs AuthenticateManagement right before.
func (a *Applet) Generate(ctx context.Context, slot Slot, alg Algorithm, pin PINPolicy, touch TouchPolicy) (crypto.PublicKey, error) {
	pinCode, touchCode := pinPolicyCodes[pin], touchPolicyCodes[touch]
	if !slot.Valid() || pinCode == 0 || touchCode == 0 {
		return nil, fmt.Errorf("generate: no key of slot %s with PIN %q and touch %q can be made", slot, pin, touch)
	}
	wish := appendTLV(nil, 0x80, []byte{byte(alg)})
	wish = appendTLV(wish, 0xAA, []byte{pinCode})
	wish = appendTLV(wish, 0xAB, []byte{touchCode})
	data, err := a.call(ctx, command{ins: insGenerate, p2: byte(slot), data: appendTLV(nil, 0xAC, wish), want: longAnswer})
	if err != nil {
		return nil, fmt.Errorf("generate: %w", err)
	}
	made, err := required(data, 0x7F49)
	if err != nil {
		return nil, fmt.Errorf("generate: %w", err)
	}
	key := publicKey(alg, made)
	if key == nil {
		return nil, fmt.Errorf("generate: %w", ErrBadResponse)
	}
	return key, nil
}

// SetRetries sets how many wrong PINs and PUKs in a row block a YubiKey. The card resets
// both to the factory's. It needs AuthenticateManagement and Verify right before.
func (a *Applet) SetRetries(ctx context.Context, pinTries, pukTries int) error {
	if pinTries < 1 || pinTries > maxTries || pukTries < 1 || pukTries > maxTries {
		return fmt.Errorf("set retries: the numbers of tries are 1 to %d", maxTries)
	}
	if _, err := a.call(ctx, command{ins: insSetRetries, p1: byte(pinTries), p2: byte(pukTries)}); err != nil {
		return fmt.Errorf("set retries: %w", err)
	}
	return nil
}

// Reset returns the PIV application of a YubiKey to its factory state. A YubiKey takes
// this only with PIN and PUK blocked, so Reset blocks them with wrong values first.
func (a *Applet) Reset(ctx context.Context) error {
	if err := block(func() error { return a.Verify(ctx, wrongPIN()) }); err != nil {
		return fmt.Errorf("reset: block the PIN: %w", err)
	}
	if err := block(func() error { return a.ResetPIN(ctx, wrongPIN(), []byte(factoryPIN)) }); err != nil {
		return fmt.Errorf("reset: block the PUK: %w", err)
	}
	if _, err := a.call(ctx, command{ins: insReset}); err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	return nil
}

// wrongPIN returns a PIN that nobody has: it is all filler.
func wrongPIN() []byte { return bytes.Repeat([]byte{pinFiller}, MaxPIN) }

// block gives a wrong PIN or PUK until no try is left.
func block(try func() error) error {
	for range maxTries + 1 {
		err := try()
		var wrong *PINError
		switch {
		case err == nil: // it took a PIN that nobody has
			return ErrBadResponse
		case !errors.As(err, &wrong):
			return err
		case wrong.Blocked():
			return nil
		}
	}
	return ErrBadResponse
}
