package agent

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// verified returns the signature that a source made, if it verifies with the
// public key. A signature that was computed wrongly can give the private key
// away, and devices have been seen to return such signatures.
func verified(ctx context.Context, source keys.Source, wanted toSign, signature *ssh.Signature) (*ssh.Signature, error) {
	err := verify(wanted.use.Key.PublicKey, wanted.data, signature, wanted.algorithm)
	if err == nil {
		return signature, nil
	}
	if source, can := source.(keys.Rechecker); can {
		if why := source.Recheck(ctx, wanted.use); why != nil { // another program replaced the key
			return nil, why
		}
	}
	return nil, refused(err, "the key or its device is faulty: do not use it")
}

// verify returns an error unless signature is one of algorithm over data by key.
func verify(key ssh.PublicKey, data []byte, signature *ssh.Signature, algorithm string) error {
	if signature == nil || signature.Format != algorithm {
		return fmt.Errorf("the key's source did not sign with %s", algorithm)
	}
	key = publickey.Certified(key)
	if algorithm == ssh.KeyAlgoSKED25519 || algorithm == ssh.KeyAlgoSKECDSA256 {
		return verifySecurityKey(key, data, signature)
	}
	if err := key.Verify(data, signature); err != nil {
		return fmt.Errorf("the signature does not verify with the public key: %w", err)
	}
	return nil
}
