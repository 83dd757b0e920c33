package softkeys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/ssh"
)

// puttyPrivate makes a private key from the two halves of PuTTY's format.
// signerOf later checks that they belong together.
func puttyPrivate(keyType string, public, private []byte) (any, error) {
	pub, err := ssh.ParsePublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("a key of the type %.40q is not supported: %w", keyType, err)
	}
	crypto, ok := pub.(ssh.CryptoPublicKey)
	if !ok || pub.Type() != keyType {
		return nil, fmt.Errorf("a key of the type %.40q is not supported", keyType)
	}
	switch pub := crypto.CryptoPublicKey().(type) {
	case *rsa.PublicKey:
		return puttyRSA(pub, private)
	case *ecdsa.PublicKey:
		return puttyECDSA(pub, private)
	case ed25519.PublicKey:
		return puttyEd25519(pub, private)
	}
	return nil, fmt.Errorf("a key of the type %.40q is not supported: use ed25519, ecdsa or rsa", keyType)
}

var errPuttyPrivate = errors.New("the private half of the file is damaged")

func puttyRSA(pub *rsa.PublicKey, private []byte) (any, error) {
	var half struct {
		D, P, Q, Inverse *big.Int
		Padding          []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(private, &half); err != nil {
		return nil, errPuttyPrivate
	}
	key := &rsa.PrivateKey{PublicKey: *pub, D: half.D, Primes: []*big.Int{half.P, half.Q}}
	if err := checkRSA(key); err != nil {
		return nil, err
	}
	key.Precompute()
	return key, nil
}

func puttyECDSA(pub *ecdsa.PublicKey, private []byte) (any, error) {
	var half struct {
		D       *big.Int
		Padding []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(private, &half); err != nil || half.D.Sign() <= 0 || half.D.BitLen() > pub.Curve.Params().BitSize {
		return nil, errPuttyPrivate
	}
	scalar := half.D.FillBytes(make([]byte, (pub.Curve.Params().BitSize+7)/8))
	defer clear(scalar)
	key, err := ecdsa.ParseRawPrivateKey(pub.Curve, scalar)
	if err != nil {
		return nil, errPuttyPrivate
	}
	if !key.PublicKey.Equal(pub) {
		return nil, errKeyMismatch
	}
	return key, nil
}

func puttyEd25519(pub ed25519.PublicKey, private []byte) (any, error) {
	var half struct {
		Seed    []byte
		Padding []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(private, &half); err != nil || len(half.Seed) != ed25519.SeedSize {
		return nil, errPuttyPrivate
	}
	key := ed25519.NewKeyFromSeed(half.Seed)
	if !pub.Equal(key.Public()) {
		return nil, errKeyMismatch
	}
	return key, nil
}
