package agent

import (
	"crypto/fips140"
	"crypto/rsa"
	"fmt"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// minApprovedRSA is the shortest RSA modulus that may sign, in bits (FIPS 186-5 section 5.1).
const minApprovedRSA = 2048

// mayBeUsed refuses in Go's FIPS 140-3 mode what FIPS 186-5 does not approve for new signatures,
// whoever computes them. Ed25519, ECDSA over NIST's curves and RSA with SHA-2 are approved.
func mayBeUsed(key ssh.PublicKey, algorithm string) error {
	if !fips140.Enabled() {
		return nil
	}
	why := notApproved(publickey.Certified(key), algorithm)
	if why == "" {
		return nil
	}
	return refusal{reason: "FIPS 140-3 mode: " + why, remedy: "use an ed25519, ecdsa or RSA key of 2048 bits or more; see: docs/fips.md"}
}

func notApproved(key ssh.PublicKey, algorithm string) string {
	switch key.Type() {
	case ssh.KeyAlgoRSA:
		if algorithm == ssh.KeyAlgoRSA {
			return "the program asks for a signature with SHA-1"
		}
		if bits := modulusBits(key); bits < minApprovedRSA {
			return fmt.Sprintf("an RSA key of %d bits is too short", bits)
		}
		return ""
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return ""
	}
	return fmt.Sprintf("signatures of the type %.64q are not approved", key.Type())
}

func modulusBits(key ssh.PublicKey) int {
	if holder, ok := key.(ssh.CryptoPublicKey); ok {
		if public, ok := holder.CryptoPublicKey().(*rsa.PublicKey); ok {
			return public.N.BitLen()
		}
	}
	return 0
}
