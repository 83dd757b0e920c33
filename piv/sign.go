package piv

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	_ "crypto/sha1" // ssh-rsa; whether it may be used is the policy's to say
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ssh"
)

// maxMessage bounds an Ed25519 message, which is sent to the card whole, not as a
// hash: YubiKeys accept about 3 KiB.
const maxMessage = 3 << 10

// ErrWeakKey means that a certificate for an RSA-1024 key is refused.
var ErrWeakKey = errors.New("an RSA-1024 key gets no certificate: a well-funded attacker can break it")

// ErrBadSignature means that the card's answer is not a signature by the requested
// key.
var ErrBadSignature = errors.New("the card's signature does not match the key")

// digestInfo holds the DER prefixes of a DigestInfo (RFC 8017 section 9.2 note 1).
var digestInfo = map[crypto.Hash][]byte{
	crypto.SHA1:   {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14},
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

// Sign signs data with the key in slot and returns an SSH signature. algorithm is a
// name of RFC 8332 or the key's type, as for keys.Source. The caller decides whether
// a weak key (RSA-1024) may be used. Sign verifies the signature with pub: a swapped
// card, another application or a faulty card gives ErrBadSignature.
func (a *Applet) Sign(ctx context.Context, slot Slot, pub ssh.PublicKey, data []byte, algorithm string) (*ssh.Signature, error) {
	signature, err := a.SignUnverified(ctx, slot, pub, data, algorithm)
	if err == nil && pub.Verify(data, signature) != nil {
		return nil, fmt.Errorf("sign with slot %s: %w", slot, ErrBadSignature)
	}
	return signature, err
}

// SignUnverified is Sign for a caller that verifies every signature itself, as
// package agent does: for P-256, verifying takes as long as all other work outside
// the card.
func (a *Applet) SignUnverified(ctx context.Context, slot Slot, pub ssh.PublicKey, data []byte, algorithm string) (*ssh.Signature, error) {
	raw, ok := pub.(ssh.CryptoPublicKey)
	if !ok {
		return nil, fmt.Errorf("sign: a card cannot hold a %s key", pub.Type())
	}
	alg, err := AlgorithmOf(raw.CryptoPublicKey())
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	block, err := toSign(alg, data, algorithm)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	answer, err := a.authenticate(ctx, alg, slot, block)
	if err != nil {
		return nil, fmt.Errorf("sign with slot %s: %w", slot, err)
	}
	signature, err := toSSH(alg, answer, algorithm)
	if err != nil {
		return nil, fmt.Errorf("sign with slot %s: %w", slot, err)
	}
	return signature, nil
}

// challengePrefix keeps a challenge distinct from all other signed data.
const challengePrefix = "keybroker card challenge\x00"

// Prove makes the card prove that it holds the private key of pub in slot: it signs
// a random challenge. With the card authentication key (9E) that needs no PIN, so a
// swapped card is noticed before it gets one. The error wraps ErrBadSignature if the
// card does not hold the key.
func (a *Applet) Prove(ctx context.Context, slot Slot, pub ssh.PublicKey) error {
	challenge := append([]byte(challengePrefix), make([]byte, 32)...)
	_, _ = rand.Read(challenge[len(challengePrefix):]) // never fails
	algorithm := pub.Type()
	if algorithm == ssh.KeyAlgoRSA {
		algorithm = ssh.KeyAlgoRSASHA256
	}
	_, err := a.Sign(ctx, slot, pub, challenge, algorithm)
	return err
}

// authenticate sends GENERAL AUTHENTICATE with a challenge and an empty response
// element (SP 800-73-4 part 2 section 3.2.4 and appendix A.4).
func (a *Applet) authenticate(ctx context.Context, alg Algorithm, slot Slot, block []byte) ([]byte, error) {
	if !slot.Valid() {
		return nil, errors.New(slot.Name())
	}
	template := appendTLV(nil, 0x82, nil)
	template = appendTLV(template, 0x81, block)
	data := appendTLV(nil, 0x7C, template)
	response, err := a.call(ctx, command{ins: insGeneralAuthenticate, p1: byte(alg), p2: byte(slot), data: data, want: longAnswer})
	if err != nil {
		return nil, err
	}
	answer, err := required(response, 0x7C)
	if err != nil {
		return nil, err
	}
	return required(answer, 0x82)
}

// toSign returns the data for the card: a padded digest for RSA, a digest for ECDSA,
// the message for Ed25519.
func toSign(alg Algorithm, data []byte, algorithm string) ([]byte, error) {
	hash, err := hashOf(alg, algorithm)
	if err != nil {
		return nil, err
	}
	if alg == Ed25519 {
		if len(data) > maxMessage {
			return nil, fmt.Errorf("message of %d bytes: an Ed25519 key on a card signs at most %d", len(data), maxMessage)
		}
		return data, nil
	}
	h := hash.New()
	h.Write(data)
	digest := h.Sum(nil)
	if size := alg.rsaBytes(); size > 0 {
		return pad(size, hash, digest), nil
	}
	return digest, nil
}

func hashOf(alg Algorithm, algorithm string) (crypto.Hash, error) {
	want := map[Algorithm]string{P256: ssh.KeyAlgoECDSA256, P384: ssh.KeyAlgoECDSA384, Ed25519: ssh.KeyAlgoED25519}[alg]
	switch {
	case want == algorithm && alg == P256:
		return crypto.SHA256, nil
	case want == algorithm && alg == P384:
		return crypto.SHA384, nil
	case want == algorithm && alg == Ed25519:
		return 0, nil
	case want == "" && algorithm == ssh.KeyAlgoRSA:
		return crypto.SHA1, nil
	case want == "" && algorithm == ssh.KeyAlgoRSASHA256:
		return crypto.SHA256, nil
	case want == "" && algorithm == ssh.KeyAlgoRSASHA512:
		return crypto.SHA512, nil
	}
	return 0, fmt.Errorf("%s key: it cannot sign with the algorithm %q", alg, algorithm)
}

// pad is EMSA-PKCS1-v1_5 (RFC 8017 section 9.2).
func pad(size int, hash crypto.Hash, digest []byte) []byte {
	tail := append(append([]byte{0}, digestInfo[hash]...), digest...)
	block := make([]byte, size)
	block[1] = 1
	for i := 2; i < size-len(tail); i++ {
		block[i] = 0xFF
	}
	copy(block[size-len(tail):], tail)
	return block
}

// toSSH encodes the card's answer as an SSH signature (RFC 8332 section 3, RFC 5656
// section 3.1.2, RFC 8709 section 6).
func toSSH(alg Algorithm, answer []byte, algorithm string) (*ssh.Signature, error) {
	switch alg {
	case P256, P384:
		blob, err := ecdsaBlob(answer)
		return &ssh.Signature{Format: algorithm, Blob: blob}, err
	case Ed25519:
		if len(answer) != ed25519.SignatureSize {
			return nil, ErrBadSignature
		}
	default:
		// A card may drop leading zero bytes; RFC 8332 requires the full length.
		size := alg.rsaBytes()
		if len(answer) == 0 || len(answer) > size {
			return nil, ErrBadSignature
		}
		answer = append(make([]byte, size-len(answer), size), answer...)
	}
	return &ssh.Signature{Format: algorithm, Blob: answer}, nil
}

// ecdsaBlob converts a DER Ecdsa-Sig-Value to two mpints.
func ecdsaBlob(der []byte) ([]byte, error) {
	in, sequence := cryptobyte.String(der), cryptobyte.String(nil)
	r, s := new(big.Int), new(big.Int)
	if !in.ReadASN1(&sequence, asn1.SEQUENCE) || !in.Empty() ||
		!sequence.ReadASN1Integer(r) || !sequence.ReadASN1Integer(s) || !sequence.Empty() ||
		r.Sign() <= 0 || s.Sign() <= 0 {
		return nil, ErrBadSignature
	}
	return ssh.Marshal(struct{ R, S *big.Int }{r, s}), nil
}
