package softkeys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"fmt"
	mathbits "math/bits"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys/privatekey"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform/secret"
)

// Sizes of RSA keys in bits. Below 1024 crypto/rsa and OpenSSH
// (SSH_RSA_MINIMUM_MODULUS_SIZE) refuse to use a key at all; above 16384
// OpenSSH cannot, and one signature would cost seconds.
const (
	minRSABits = 1024
	maxRSABits = 16384
	// maxRSAExponent is the longest public exponent that x/crypto reads, in bits.
	maxRSAExponent = 24
)

// signerOf checks that both halves of a private key belong together and returns
// its signer. A key with a wrong public half would be listed as one key and sign
// as another; with ed25519, such a signature reveals the private key.
func signerOf(private any) (ssh.AlgorithmSigner, error) {
	var err error
	switch key := private.(type) {
	case *ed25519.PrivateKey:
		if key == nil {
			return nil, errors.New("there is no private key")
		}
		return signerOf(*key)
	case *publickey.CompositeSigner: // its constructor checked the halves
		if key == nil {
			return nil, errors.New("there is no private key")
		}
		return key, nil
	case ed25519.PrivateKey:
		err = checkEd25519(key)
	case *ecdsa.PrivateKey:
		err = checkECDSA(key)
	case *rsa.PrivateKey:
		err = checkRSA(key)
	default:
		err = fmt.Errorf("a private key of type %s is not supported: use ed25519, ecdsa or rsa",
			strings.TrimPrefix(fmt.Sprintf("%T", private), "*"))
	}
	if err != nil {
		return nil, err
	}
	key, err := privatekey.New(private.(crypto.Signer))
	if err != nil {
		return nil, err // an interface must not hold a nil *privatekey.Key
	}
	return key, nil
}

var errKeyMismatch = errors.New("the public half does not belong to the private half")

func checkEd25519(key ed25519.PrivateKey) error {
	if len(key) != ed25519.PrivateKeySize {
		return fmt.Errorf("an ed25519 key has %d bytes, not %d", ed25519.PrivateKeySize, len(key))
	}
	again := ed25519.NewKeyFromSeed(key.Seed())
	defer clear(again)
	if subtle.ConstantTimeCompare(again, key) != 1 {
		return errKeyMismatch
	}
	return nil
}

func checkECDSA(key *ecdsa.PrivateKey) error {
	private, err := key.ECDH() // refuses an unknown curve and an invalid scalar
	if err != nil {
		return err
	}
	public, err := key.PublicKey.ECDH() // refuses a point that is not on the curve
	if err != nil {
		return err
	}
	if !bytes.Equal(private.PublicKey().Bytes(), public.Bytes()) {
		return errKeyMismatch
	}
	return nil
}

// checkRSA checks the sizes first: Validate's time grows with their cube.
func checkRSA(key *rsa.PrivateKey) error {
	if key.N == nil || key.D == nil || len(key.Primes) != 2 || key.Primes[0] == nil || key.Primes[1] == nil {
		return errors.New("an RSA key needs a modulus, an exponent and two primes")
	}
	bits := key.N.BitLen()
	if bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("an RSA key of %d bits is refused: %d to %d bits are allowed", bits, minRSABits, maxRSABits)
	}
	if key.D.BitLen() > bits || key.Primes[0].BitLen() > bits || key.Primes[1].BitLen() > bits {
		return errKeyMismatch
	}
	if exponent := mathbits.Len(uint(key.E)); exponent > maxRSAExponent {
		return fmt.Errorf("an RSA key with a public exponent of %d bits is refused: with more than %d bits, the sealed key could never be read again", exponent, maxRSAExponent)
	}
	if err := key.Validate(); err != nil {
		return fmt.Errorf("%w: %w", errKeyMismatch, err)
	}
	return nil
}

// sign makes one signature. With a certificate, the certified key signs, under
// that key's algorithm (PROTOCOL.certkeys).
func sign(signer ssh.AlgorithmSigner, data []byte, algorithm string) (*ssh.Signature, error) {
	signature, err := secret.Get(func() (*ssh.Signature, error) {
		return signer.SignWithAlgorithm(rand.Reader, data, strings.TrimSuffix(algorithm, "-cert-v01@openssh.com"))
	})
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signature, nil
}
