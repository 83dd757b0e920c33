package softkeys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"math/big"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/problem"
)

// checkPuttyType refuses a type before the person is asked for the passphrase.
func checkPuttyType(keyType string, public []byte) error {
	if keyType == "ssh-ed448" {
		return errOtherType("an Ed448 key")
	}
	err := checkBlob(public)
	if keyType == typeDSA && problem.Remedy(err) != makeNew {
		return problem.With(errNoDSA, "convert it and add it to the running broker, with an OpenSSH before version 10: puttygen FILE -O private-openssh -o NEWFILE && ssh-add NEWFILE; or make a new key: keybroker keys generate NAME")
	}
	return err
}

// puttyPrivate makes a private key from the two halves of PuTTY's format.
// signerOf later checks that they belong together.
func puttyPrivate(keyType string, public, private []byte) (any, error) {
	pub, err := ssh.ParsePublicKey(public)
	if err != nil {
		return nil, problem.With(fmt.Errorf("a key of the type %.40q is not supported: %w", keyType, err), makeNew)
	}
	crypto, ok := pub.(ssh.CryptoPublicKey)
	if !ok || pub.Type() != keyType {
		return nil, problem.With(fmt.Errorf("a key of the type %.40q is not supported", keyType), makeNew)
	}
	switch pub := crypto.CryptoPublicKey().(type) {
	case *rsa.PublicKey:
		return puttyRSA(pub, private)
	case *ecdsa.PublicKey:
		return puttyECDSA(pub, private)
	case ed25519.PublicKey:
		return puttyEd25519(pub, private)
	}
	return nil, problem.With(fmt.Errorf("a key of the type %.40q is not supported: use ed25519, ecdsa or rsa", keyType), makeNew)
}

var errPuttyPrivate = problem.New("the private half of the file is damaged", takeBackup)

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
