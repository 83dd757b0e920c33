package piv

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"fmt"
	"io"
)

// Signer returns a signer for self-signed X.509 certificates, which is valid as long
// as the Applet is. It does not verify its signatures: x509.CreateCertificate does.
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
	ctx    context.Context // crypto.Signer's methods do not take one
	slot   Slot
	alg    Algorithm
	pub    crypto.PublicKey
}

func (s signer) Public() crypto.PublicKey { return s.pub }

// Sign signs a digest or, with Ed25519, the message.
func (s signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	block := digest
	size := s.alg.rsaBytes()
	if size > 0 {
		if digestInfo[opts.HashFunc()] == nil {
			return nil, fmt.Errorf("sign: hash %s is not supported", opts.HashFunc())
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
