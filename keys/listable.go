package keys

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// OpenSSH's clients reject a whole list if they cannot parse one key ("invalid
// format"). The limits are those of its sshkey_from_blob (sshkey.c, ssh-rsa.c) and
// sshbuf_get_cstring.
const (
	// minRSA and maxRSA bound the modulus, in bits (SSH_RSA_MINIMUM_MODULUS_SIZE,
	// SSHBUF_MAX_BIGNUM).
	minRSA, maxRSA = 1024, 16384
	// maxPrincipals is SSHKEY_CERT_MAX_PRINCIPALS.
	maxPrincipals = 256
)

// ErrUnlistable is wrapped by CheckListable's errors.
var ErrUnlistable = errors.New("OpenSSH's programs cannot read it, and would show no key at all")

func unlistable(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrUnlistable)
}

// CheckListable returns why a key must not be in an agent's list; nil: it may. It
// verifies a certificate's signature, as clients do; that takes up to a millisecond.
func CheckListable(key ssh.PublicKey) error {
	if cert, ok := publickey.CertificateOf(key); ok {
		return checkCertificate(key, cert)
	}
	switch k := key.(type) {
	case nil:
		return unlistable("there is no public key")
	case ssh.CryptoPublicKey:
		if err := checkPlain(k); err != nil {
			return err
		}
	}
	return checkApplication(key)
}

// checkApplication checks a security key's last field (PROTOCOL.u2f).
func checkApplication(key ssh.PublicKey) error {
	var application string
	var err error
	switch key.Type() {
	case ssh.KeyAlgoSKED25519:
		var parts struct{ Type, Public, Application string }
		err = ssh.Unmarshal(key.Marshal(), &parts)
		application = parts.Application
	case ssh.KeyAlgoSKECDSA256:
		var parts struct{ Type, Curve, Public, Application string }
		err = ssh.Unmarshal(key.Marshal(), &parts)
		application = parts.Application
	}
	if err != nil || hasNUL(application) {
		return unlistable("a security key whose application is unreadable or has a NUL byte")
	}
	return nil
}

func checkPlain(key ssh.CryptoPublicKey) error {
	switch k := key.CryptoPublicKey().(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSA || bits > maxRSA {
			return unlistable("an RSA key of %d bits", bits)
		}
	case *ecdsa.PublicKey:
		// OpenSSH before version 10 rejects them.
		if hasSmallCoordinate(k) {
			return unlistable("an ECDSA key with a coordinate that is too small")
		}
	}
	return nil
}

// hasSmallCoordinate reports whether x or y has at most half of the curve's bits.
func hasSmallCoordinate(k *ecdsa.PublicKey) bool {
	point, err := k.Bytes() // 4, x, y (SEC 1, 2.3.3)
	if err != nil {
		return true
	}
	x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
	half := k.Params().N.BitLen() / 2
	return new(big.Int).SetBytes(x).BitLen() <= half || new(big.Int).SetBytes(y).BitLen() <= half
}

func checkCertificate(key ssh.PublicKey, c *publickey.Certificate) error {
	switch {
	case c.CertType != ssh.UserCert && c.CertType != ssh.HostCert:
		return unlistable("a certificate of type %d", c.CertType)
	case len(c.ValidPrincipals) > maxPrincipals:
		return unlistable("a certificate with %d principals", len(c.ValidPrincipals))
	case hasNUL(c.KeyId) || slices.ContainsFunc(c.ValidPrincipals, hasNUL):
		return unlistable("a certificate whose key ID or principals have a NUL byte")
	}
	if _, chained := publickey.CertificateOf(c.SignatureKey); chained {
		return unlistable("a certificate that is signed by another certificate")
	}
	for _, part := range []ssh.PublicKey{c.Key, c.SignatureKey} {
		if err := CheckListable(part); err != nil {
			return err
		}
	}
	if !publickey.SignedByAuthority(key) {
		return unlistable("a certificate that its authority did not sign")
	}
	return nil
}

func hasNUL(text string) bool { return strings.ContainsRune(text, 0) }

// CheckComment rejects a comment that would make the whole list unreadable.
func CheckComment(comment string) error {
	if hasNUL(comment) {
		return unlistable("the comment has a NUL byte")
	}
	return nil
}

// ListedComment returns the comment without NUL bytes, for a list.
func ListedComment(comment string) string { return strings.ReplaceAll(comment, "\x00", `\x00`) }
