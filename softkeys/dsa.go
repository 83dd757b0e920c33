package softkeys

import (
	"crypto/dsa" //lint:ignore SA1019 OpenSSH before 10 has DSA keys, and its users add them
	"errors"
	"math/big"

	"golang.org/x/crypto/ssh"
)

// addedSigner is signerOf, and DSA besides: OpenSSH's agent takes such keys up
// to version 9. None can be sealed: a key that lasts should be a better one.
func addedSigner(private any) (ssh.AlgorithmSigner, error) {
	key, isDSA := private.(*dsa.PrivateKey)
	if !isDSA {
		return signerOf(private)
	}
	if key.P == nil || key.Q == nil || key.G == nil || key.X == nil || key.Y == nil {
		return nil, errors.New("a DSA key needs p, q, g, y and x")
	}
	signer, err := ssh.NewSignerFromKey(key) // checks the sizes, before anything is computed with them
	if err != nil {
		return nil, err
	}
	if key.X.Sign() <= 0 || key.X.Cmp(key.Q) >= 0 || new(big.Int).Exp(key.G, key.X, key.P).Cmp(key.Y) != 0 {
		return nil, errHalves
	}
	return signer.(ssh.AlgorithmSigner), nil
}
