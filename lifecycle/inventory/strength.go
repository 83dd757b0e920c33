package inventory

import (
	"crypto/dsa" //lint:ignore SA1019 to recognise the keys that must go
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"math/big"

	"github.com/keybroker/keybroker/lifecycle"
	"golang.org/x/crypto/ssh"
)

const typeDSA = "ssh-dss"

const (
	// rsaBroken and below is within reach of an attacker with means (SP 800-131A).
	rsaBroken = 2048
	// rsaShort and below is not enough beyond 2030 (SP 800-57 part 1, table 2).
	rsaShort = 3072
)

// bitsOf is the size that ssh-keygen -l prints; 0: the type has none.
func bitsOf(key ssh.PublicKey) int {
	holder, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return 0
	}
	switch public := holder.CryptoPublicKey().(type) {
	case *rsa.PublicKey:
		return public.N.BitLen()
	case *dsa.PublicKey:
		return public.P.BitLen()
	case *ecdsa.PublicKey:
		return public.Curve.Params().BitSize
	}
	return 256 // Ed25519, and security keys
}

// weakness says why a key is weak; "": it is not.
func weakness(key ssh.PublicKey) (why string, severity lifecycle.Severity) {
	bits := bitsOf(key)
	switch {
	case key.Type() == typeDSA:
		return "a DSA key, which OpenSSH no longer accepts", lifecycle.Serious
	case key.Type() != ssh.KeyAlgoRSA:
		return "", 0
	case bits < rsaBroken:
		return fmt.Sprintf("an RSA key of only %d bits", bits), lifecycle.Serious
	case madeByROCA(key):
		return "an RSA key of a chip whose keys can be computed (CVE-2017-15361)", lifecycle.Serious
	case bits < rsaShort:
		return fmt.Sprintf("an RSA key of %d bits, which is not enough beyond 2030", bits), lifecycle.Warning
	}
	return "", 0
}

// rocaPrimes are the primes up to 167, from "The Return of Coppersmith's Attack"
// (2017), section 3: what such a chip computes with has them all as factors.
var rocaPrimes = []int64{3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
	97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167}

// madeByROCA reports whether the modulus is, modulo each small prime, a power of 65537.
// That does not happen by chance.
func madeByROCA(key ssh.PublicKey) bool {
	holder, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return false
	}
	public, ok := holder.CryptoPublicKey().(*rsa.PublicKey)
	if !ok {
		return false
	}
	for _, prime := range rocaPrimes {
		rest := new(big.Int).Mod(public.N, big.NewInt(prime)).Int64()
		if !isPower(rest, 65537%prime, prime) {
			return false
		}
	}
	return true
}

// isPower reports whether value is a power of base modulo prime.
func isPower(value, base, prime int64) bool {
	for power, tries := int64(1), prime; tries > 0; power, tries = power*base%prime, tries-1 {
		if power == value {
			return true
		}
	}
	return false
}
