package agent

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"fmt"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// verifier makes sure that no faulty signature leaves: one computed wrongly can
// give the private key away, and devices have been seen to return such.
//
// That is most of what an Ed25519 signature costs, and of the broker's part in
// one by a card with a P-256 key. So for these keys tables of multiples are
// kept; decision 0005 has the figures. The zero value is ready.
type verifier struct {
	edwards tables[edwardsTable]
	nist    tables[p256Table]
}

// verify returns an error unless signature is one of algorithm over data by key.
func (v *verifier) verify(key ssh.PublicKey, data []byte, signature *ssh.Signature, algorithm string) error {
	if signature == nil || signature.Format != algorithm {
		return fmt.Errorf("the key's source did not sign with %s", algorithm)
	}
	key = publickey.Certified(key)
	if algorithm == ssh.KeyAlgoSKED25519 || algorithm == ssh.KeyAlgoSKECDSA256 {
		return verifySecurityKey(key, data, signature)
	}
	if v.soon(key, data, signature) {
		return nil
	}
	// What does not pass above passes here, or fails with its reason.
	if err := key.Verify(data, signature); err != nil {
		return fmt.Errorf("the signature does not verify with the public key: %w", err)
	}
	return nil
}

// soon says whether the signature verifies by a table.
func (v *verifier) soon(key ssh.PublicKey, data []byte, signature *ssh.Signature) bool {
	holder, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return false
	}
	switch public := holder.CryptoPublicKey().(type) {
	case ed25519.PublicKey:
		return v.ed25519(public, data, signature.Blob)
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		return err == nil && signature.Format == ssh.KeyAlgoECDSA256 && v.p256(point, data, signature.Blob)
	}
	return false
}
