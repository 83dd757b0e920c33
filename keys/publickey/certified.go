package publickey

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Certificate is the contents of a certificate (OpenSSH PROTOCOL.certkeys). It has the
// fields of x/crypto's, but not the methods, which panic for a Composite.
type Certificate ssh.Certificate

// CertificateOf returns the contents of key if it is a certificate of any kind.
func CertificateOf(key ssh.PublicKey) (*Certificate, bool) {
	switch cert := key.(type) {
	case *ssh.Certificate:
		return (*Certificate)(cert), cert != nil
	case *compositeCertificate:
		return &cert.cert, true
	}
	return nil, false
}

// Certified returns the key that signs: for a certificate, the certified key.
func Certified(key ssh.PublicKey) ssh.PublicKey {
	if cert, ok := CertificateOf(key); ok {
		return cert.Key
	}
	return key
}

// SignedByAuthority reports whether key is a certificate with a valid signature of the
// authority that it names. As in OpenSSH, a security key may have signed without a
// touch, except for a certificate of a Composite.
func SignedByAuthority(key ssh.PublicKey) bool {
	cert, ok := CertificateOf(key)
	if !ok || cert.Signature == nil {
		return false
	}
	blob := key.Marshal() // ends with the signature, after its 4-byte length
	signed := blob[:len(blob)-4-len(ssh.Marshal(cert.Signature))]
	if cert.SignatureKey.Verify(signed, cert.Signature) == nil {
		return true
	}
	original, ok := key.(*ssh.Certificate)
	return ok && signedUntouched(original)
}

// signedUntouched lets x/crypto verify, which does not require the touch of a security
// key. Everything else that CheckCert checks is made to pass.
func signedUntouched(cert *ssh.Certificate) bool {
	if !strings.HasPrefix(cert.SignatureKey.Type(), "sk-") {
		return false
	}
	checker := ssh.CertChecker{
		Clock:                    func() time.Time { return time.Unix(int64(min(cert.ValidAfter, 1<<62)), 0) },
		SupportedCriticalOptions: slices.Collect(maps.Keys(cert.CriticalOptions)),
	}
	principal := ""
	if len(cert.ValidPrincipals) > 0 {
		principal = cert.ValidPrincipals[0]
	}
	return checker.CheckCert(principal, cert) == nil
}

// compositeCertificate is a certificate for a Composite.
type compositeCertificate struct {
	cert Certificate
	blob []byte // as received
}

var _ ssh.PublicKey = (*compositeCertificate)(nil)

func (c *compositeCertificate) Type() string    { return MLDSA44Ed25519Certificate }
func (c *compositeCertificate) Marshal() []byte { return bytes.Clone(c.blob) }
func (c *compositeCertificate) Verify(data []byte, signature *ssh.Signature) error {
	return c.cert.Key.Verify(data, signature)
}

// parseCompositeCertificate lets x/crypto read the certificate with a dummy key, and
// then puts in the real one.
func parseCompositeCertificate(blob []byte) (ssh.PublicKey, error) {
	errDamaged := fmt.Errorf("a certificate of the type %s is damaged", MLDSA44Ed25519Certificate)
	_, rest, _ := takeString(blob)
	nonce, rest, ok := takeString(rest)
	packed, rest, more := takeString(rest)
	if !ok || !more {
		return nil, errDamaged
	}
	key, err := newComposite(packed)
	if err != nil {
		return nil, err
	}
	dummy := ssh.Marshal(struct {
		Type       string
		Nonce, Key []byte
		Rest       []byte `ssh:"rest"`
	}{ssh.CertAlgoED25519v01, nonce, make([]byte, ed25519.PublicKeySize), rest})
	parsed, err := Parse(dummy)
	if err != nil {
		return nil, err
	}
	cert, ok := parsed.(*ssh.Certificate)
	if !ok || !bytes.Equal(cert.Marshal(), dummy) { // the contents must be what was signed
		return nil, errDamaged
	}
	contents := Certificate(*cert)
	contents.Key = key
	return &compositeCertificate{contents, bytes.Clone(blob)}, nil
}
