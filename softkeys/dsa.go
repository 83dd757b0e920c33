package softkeys

import (
	"crypto/dsa" //lint:ignore SA1019 OpenSSH before 10 has DSA keys, and its users add them
	"errors"
	"math/big"

	"golang.org/x/crypto/ssh"
)

// typeDSA is the type of a DSA key (RFC 4253 section 6.6).
const typeDSA = "ssh-dss"

// addedSigner is signerOf with DSA, which OpenSSH's agent accepted up to version
// 9. DSA keys cannot be sealed: a key that lasts should be a stronger one.
func addedSigner(private any) (ssh.AlgorithmSigner, error) {
	key, isDSA := private.(*dsa.PrivateKey)
	if !isDSA {
		return signerOf(private)
	}
	if key.P == nil || key.Q == nil || key.G == nil || key.X == nil || key.Y == nil {
		return nil, errors.New("a DSA key needs p, q, g, y and x")
	}
	signer, err := ssh.NewSignerFromKey(key) // checks the sizes before the computation below
	if err != nil {
		return nil, err
	}
	if key.X.Sign() <= 0 || key.X.Cmp(key.Q) >= 0 || new(big.Int).Exp(key.G, key.X, key.P).Cmp(key.Y) != 0 {
		return nil, errKeyMismatch
	}
	return signer.(ssh.AlgorithmSigner), nil
}
