package agent

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"golang.org/x/crypto/ssh"
)

// verifySecurityKey verifies a FIDO signature (PROTOCOL.u2f, "SSH U2F
// Signatures"). Whether the device was touched is the server's business: keys
// that need no touch are allowed there by "no-touch-required", and x/crypto's
// Verify takes them for bad.
func verifySecurityKey(key ssh.PublicKey, data []byte, signature *ssh.Signature) error {
	_, application, err := securityParts(key)
	if err != nil {
		return err
	}
	holder, ok := key.(ssh.CryptoPublicKey)
	if !ok || len(signature.Rest) != 1+4 { // flags, counter
		return errors.New("the signature has not the form of a security key's")
	}
	app, message := sha256.Sum256([]byte(application)), sha256.Sum256(data)
	signed := slices.Concat(app[:], signature.Rest, message[:])
	switch public := holder.CryptoPublicKey().(type) {
	case ed25519.PublicKey:
		ok = ed25519.Verify(public, signed, signature.Blob)
	case *ecdsa.PublicKey:
		var point struct{ R, S *big.Int }
		digest := sha256.Sum256(signed)
		ok = ssh.Unmarshal(signature.Blob, &point) == nil && ecdsa.Verify(public, digest[:], point.R, point.S)
	default:
		return fmt.Errorf("a security key of the kind %T", public)
	}
	if !ok {
		return errors.New("the security key's signature does not verify with the public key")
	}
	return nil
}
