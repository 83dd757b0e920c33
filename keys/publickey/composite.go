package publickey

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
	"golang.org/x/crypto/ssh"
)

// MLDSA44Ed25519 is the type of keys that sign the same data twice, with ML-DSA-44
// (FIPS 204) and Ed25519, in case one of the two is broken
// (draft-miller-sshm-mldsa44-ed25519-composite-sigs, draft-ietf-lamps-pq-composite-sigs).
const MLDSA44Ed25519 = "ssh-mldsa44-ed25519@openssh.com"

// MLDSA44Ed25519Certificate is the type of certificates for such keys.
const MLDSA44Ed25519Certificate = "ssh-mldsa44-ed25519-cert-v01@openssh.com"

const (
	publicSize    = mldsa44.PublicKeySize + ed25519.PublicKeySize
	signatureSize = mldsa44.SignatureSize + ed25519.SignatureSize
	// CompositeSeeds is the size of the private half: the seed of each key.
	CompositeSeeds = mldsa44.SeedSize + ed25519.SeedSize

	compositePrefix = "CompositeAlgorithmSignatures2025"
	compositeLabel  = "COMPSIG-MLDSA44-Ed25519-SHA512"
)

// Composite is a public key of the type MLDSA44Ed25519.
type Composite struct {
	packed  [publicSize]byte
	mldsa   mldsa44.PublicKey
	edwards ed25519.PublicKey
}

var (
	_ ssh.PublicKey       = (*Composite)(nil)
	_ ssh.AlgorithmSigner = (*CompositeSigner)(nil)
)

func parseComposite(rest []byte) (ssh.PublicKey, error) {
	packed, rest, ok := takeString(rest)
	if !ok || len(rest) > 0 {
		return nil, fmt.Errorf("a key of the type %s is cut off or too long", MLDSA44Ed25519)
	}
	key, err := newComposite(packed)
	if err != nil {
		return nil, err // not an interface with a nil *Composite
	}
	return key, nil
}

func newComposite(packed []byte) (*Composite, error) {
	if len(packed) != publicSize {
		return nil, fmt.Errorf("a key of the type %s has %d bytes, not %d", MLDSA44Ed25519, publicSize, len(packed))
	}
	c := &Composite{packed: [publicSize]byte(packed)}
	if err := c.mldsa.UnmarshalBinary(c.packed[:mldsa44.PublicKeySize]); err != nil {
		return nil, err
	}
	c.edwards = c.packed[mldsa44.PublicKeySize:]
	return c, nil
}

// Type implements ssh.PublicKey.
func (c *Composite) Type() string { return MLDSA44Ed25519 }

// Marshal implements ssh.PublicKey.
func (c *Composite) Marshal() []byte {
	return ssh.Marshal(struct {
		Type   string
		Packed []byte
	}{MLDSA44Ed25519, c.packed[:]})
}

// Verify implements ssh.PublicKey: both signatures must be good.
func (c *Composite) Verify(data []byte, signature *ssh.Signature) error {
	switch {
	case signature.Format != MLDSA44Ed25519:
		return fmt.Errorf("a signature of the type %.64q is not from a key of the type %s", signature.Format, MLDSA44Ed25519)
	case len(signature.Blob) != signatureSize || len(signature.Rest) > 0:
		return errors.New("the signature has the wrong length")
	}
	message, split := boundMessage(data), mldsa44.SignatureSize
	first := mldsa44.Verify(&c.mldsa, message, []byte(compositeLabel), signature.Blob[:split])
	if second := ed25519.Verify(c.edwards, message, signature.Blob[split:]); !first || !second {
		return errors.New("the signature does not verify")
	}
	return nil
}

// boundMessage returns what both keys sign. The prefix keeps it apart from messages of
// other protocols. The context is empty.
func boundMessage(data []byte) []byte {
	hash := sha512.Sum512(data)
	message := append([]byte(compositePrefix+compositeLabel), 0)
	return append(message, hash[:]...)
}

// CompositeSigner is a private key of the type MLDSA44Ed25519.
type CompositeSigner struct {
	public  *Composite
	mldsa   *mldsa44.PrivateKey
	edwards ed25519.PrivateKey
}

// NewCompositeSigner makes a key from the two seeds, which it copies. It checks that
// public, the packed public key, belongs to it; nil: no check.
func NewCompositeSigner(seeds, public []byte) (*CompositeSigner, error) {
	if len(seeds) != CompositeSeeds {
		return nil, fmt.Errorf("a private key of the type %s has %d bytes, not %d", MLDSA44Ed25519, CompositeSeeds, len(seeds))
	}
	seed := [mldsa44.SeedSize]byte(seeds)
	defer clear(seed[:])
	s := &CompositeSigner{edwards: ed25519.NewKeyFromSeed(seeds[mldsa44.SeedSize:])}
	half, private := mldsa44.NewKeyFromSeed(&seed)
	s.mldsa = private
	packed := append(half.Bytes(), s.edwards.Public().(ed25519.PublicKey)...)
	if public != nil && subtle.ConstantTimeCompare(packed, public) != 1 {
		return nil, errors.New("the public half does not belong to the private half")
	}
	var err error
	s.public, err = newComposite(packed)
	return s, err
}

// PublicKey implements ssh.Signer.
func (s *CompositeSigner) PublicKey() ssh.PublicKey { return s.public }

// Sign implements ssh.Signer.
func (s *CompositeSigner) Sign(random io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(random, data, MLDSA44Ed25519)
}

// SignWithAlgorithm implements ssh.AlgorithmSigner.
func (s *CompositeSigner) SignWithAlgorithm(_ io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	if algorithm != MLDSA44Ed25519 && algorithm != "" {
		return nil, fmt.Errorf("a key of the type %s does not sign with %.64q", MLDSA44Ed25519, algorithm)
	}
	message, blob := boundMessage(data), make([]byte, mldsa44.SignatureSize, signatureSize)
	if err := mldsa44.SignTo(s.mldsa, message, []byte(compositeLabel), true, blob); err != nil {
		return nil, err
	}
	return &ssh.Signature{Format: MLDSA44Ed25519, Blob: append(blob, ed25519.Sign(s.edwards, message)...)}, nil
}

// Packed returns the public half: both public keys.
func (s *CompositeSigner) Packed() []byte { return bytes.Clone(s.public.packed[:]) }

// Seeds returns the private half; the caller wipes it.
func (s *CompositeSigner) Seeds() []byte {
	return append(append([]byte(nil), s.mldsa.Seed()...), s.edwards.Seed()...)
}
