package piv

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"
)

// publicKey reads a key as GENERATE ASYMMETRIC KEY PAIR returns it (SP 800-73-4 part
// 2 table 12); nil if it is not supported.
func publicKey(alg Algorithm, data []byte) crypto.PublicKey {
	if size := alg.rsaBytes(); size > 0 {
		n, _ := find(data, 0x81)
		e, _ := find(data, 0x82)
		return rsaKey(size, n, e)
	}
	point, _ := find(data, 0x86)
	switch {
	case alg == P256:
		return ecKey(elliptic.P256(), point)
	case alg == P384:
		return ecKey(elliptic.P384(), point)
	case alg == Ed25519 && len(point) == ed25519.PublicKeySize:
		return ed25519.PublicKey(append([]byte(nil), point...))
	}
	return nil
}

func rsaKey(size int, n, e []byte) crypto.PublicKey {
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if modulus.BitLen() != size*8 || exponent.BitLen() > 31 || exponent.Int64() < 3 {
		return nil
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}
}

func ecKey(curve elliptic.Curve, point []byte) crypto.PublicKey {
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil
	}
	return key
}
