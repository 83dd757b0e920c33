package piv

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"fmt"
	"io"
)

// Signer signs with the key in slot for as long as the Applet may be used:
// X.509 certificates of a key by itself. What it makes is not verified here:
// x509.CreateCertificate does that.
func (a *Applet) Signer(ctx context.Context, slot Slot, pub crypto.PublicKey) (crypto.Signer, error) {
	alg, err := AlgorithmOf(pub)
	if err == nil && alg == RSA1024 {
		err = ErrWeakKey
	}
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signer{a, ctx, slot, alg, pub}, nil
}

type signer struct {
	applet *Applet
	ctx    context.Context // crypto.Signer has no place for it
	slot   Slot
	alg    Algorithm
	pub    crypto.PublicKey
}

func (s signer) Public() crypto.PublicKey { return s.pub }

// Sign takes a digest, or with Ed25519 the message.
func (s signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	block := digest
	size := s.alg.rsaBytes()
	if size > 0 {
		if digestInfo[opts.HashFunc()] == nil {
			return nil, fmt.Errorf("sign: no hash %s here", opts.HashFunc())
		}
		block = pad(size, opts.HashFunc(), digest)
	}
	answer, err := s.applet.authenticate(s.ctx, s.alg, s.slot, block)
	if err != nil {
		return nil, fmt.Errorf("sign with slot %s: %w", s.slot, err)
	}
	switch {
	case size > 0 && len(answer) < size: // leading zero bytes may be dropped
		answer = append(make([]byte, size-len(answer), size), answer...)
	case s.alg == Ed25519 && len(answer) != ed25519.SignatureSize:
		return nil, fmt.Errorf("sign with slot %s: %w", s.slot, ErrBadSignature)
	}
	return answer, nil
}
