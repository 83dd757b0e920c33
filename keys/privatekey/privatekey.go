// Package privatekey holds private keys with which Go's crypto signs in this process.
// A source lends such a Key to the agent. The agent calls Sign itself, and so knows
// that Go computed the signature.
package privatekey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"

	"github.com/keybroker/keybroker/platform/secret"
	"golang.org/x/crypto/ssh"
)

// Key is a private key. Its methods may be called concurrently.
type Key struct {
	private crypto.Signer // one of the types that New names
	signer  ssh.AlgorithmSigner
}

var _ ssh.AlgorithmSigner = (*Key)(nil)

// New takes an ed25519.PrivateKey, *ecdsa.PrivateKey or *rsa.PrivateKey. It refuses
// every other type, so that no device or other library can be behind a Key. The caller
// must have checked that public and private half belong together.
func New(private crypto.Signer) (*Key, error) {
	switch private.(type) {
	case ed25519.PrivateKey, *ecdsa.PrivateKey, *rsa.PrivateKey:
	default:
		return nil, fmt.Errorf("%T is not a private key type of Go's crypto", private)
	}
	signer, err := ssh.NewSignerFromSigner(erasing{private})
	if err != nil {
		return nil, err
	}
	algorithms, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, errors.New("x/crypto returned a signer without algorithms")
	}
	return &Key{private, algorithms}, nil
}

// PublicKey implements ssh.Signer.
func (k *Key) PublicKey() ssh.PublicKey { return k.signer.PublicKey() }

// Fits reports whether public is the public half that k now signs with. Ed25519 hashes
// the stored public half into the signature; with a wrong one, signatures reveal the
// private key. public must not be a certificate.
func (k *Key) Fits(public ssh.PublicKey) bool {
	listed, ok := public.(ssh.CryptoPublicKey)
	if !ok {
		return false
	}
	half, ok := k.private.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && half.Equal(listed.CryptoPublicKey())
}

// Sign implements ssh.Signer. It ignores random, as SignWithAlgorithm does.
func (k *Key) Sign(random io.Reader, data []byte) (*ssh.Signature, error) {
	return k.SignWithAlgorithm(random, data, "")
}

// SignWithAlgorithm implements ssh.AlgorithmSigner. The random numbers are
// always the system's, whatever the caller passes.
func (k *Key) SignWithAlgorithm(_ io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	return k.signer.SignWithAlgorithm(rand.Reader, data, algorithm)
}

// erasing makes signatures that leave no copy of the key behind. It has the computation alone
// in it: each allocation in secret.Do costs.
type erasing struct{ crypto.Signer }

func (e erasing) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return secret.Get(func() ([]byte, error) { return e.Signer.Sign(random, digest, opts) })
}
