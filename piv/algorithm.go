package piv

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
)

// Algorithm is an algorithm identifier (SP 800-78-4 table 6-2, SP 800-78-5,
// and Yubico's E0).
type Algorithm byte

// The signature algorithms. RSA-1024 was disallowed in 2013, and signs only if a
// rule allows it (cardkeys.Rule).
const (
	RSA3072 Algorithm = 0x05
	RSA1024 Algorithm = 0x06
	RSA2048 Algorithm = 0x07
	P256    Algorithm = 0x11
	P384    Algorithm = 0x14
	RSA4096 Algorithm = 0x16
	Ed25519 Algorithm = 0xE0
)

func (a Algorithm) String() string {
	switch a {
	case RSA1024, RSA2048, RSA3072, RSA4096:
		return fmt.Sprintf("RSA-%d", a.rsaBytes()*8)
	case P256:
		return "P-256"
	case P384:
		return "P-384"
	case Ed25519:
		return "Ed25519"
	}
	return fmt.Sprintf("algorithm %02x", byte(a))
}

// rsaBytes is the size of the modulus; 0 if a is not RSA.
func (a Algorithm) rsaBytes() int {
	switch a {
	case RSA1024:
		return 128
	case RSA2048:
		return 256
	case RSA3072:
		return 384
	case RSA4096:
		return 512
	}
	return 0
}

// AlgorithmOf returns the algorithm of pub. The error says why PIV has none.
func AlgorithmOf(pub crypto.PublicKey) (Algorithm, error) {
	switch key := pub.(type) {
	case *rsa.PublicKey:
		for _, a := range []Algorithm{RSA1024, RSA2048, RSA3072, RSA4096} {
			if key.N.BitLen() == a.rsaBytes()*8 {
				return a, nil
			}
		}
		return 0, fmt.Errorf("RSA key of %d bits: PIV has 1024, 2048, 3072 and 4096", key.N.BitLen())
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return P256, nil
		case elliptic.P384():
			return P384, nil
		}
		return 0, fmt.Errorf("curve %s: PIV has P-256 and P-384", key.Curve.Params().Name)
	case ed25519.PublicKey:
		return Ed25519, nil
	}
	return 0, fmt.Errorf("%T: PIV does not support this type of key", pub)
}
