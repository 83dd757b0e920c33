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

// Certificate is what a certificate says (OpenSSH PROTOCOL.certkeys). It has the
// fields of x/crypto's, and none of the methods: those panic for a Composite.
type Certificate ssh.Certificate

// CertificateOf returns what key says when it is a certificate of any kind.
func CertificateOf(key ssh.PublicKey) (*Certificate, bool) {
	switch cert := key.(type) {
	case *ssh.Certificate:
		return (*Certificate)(cert), cert != nil
	case *compositeCertificate:
		return &cert.cert, true
	}
	return nil, false
}

// Certified is the key that signs: for a certificate the key that it certifies.
func Certified(key ssh.PublicKey) ssh.PublicKey {
	if cert, ok := CertificateOf(key); ok {
		return cert.Key
	}
	return key
}

// SignedByAuthority says whether key is a certificate that the authority which it
// names has signed. A security key need not have been touched for that, as in
// OpenSSH; for a certificate of a Composite it must.
func SignedByAuthority(key ssh.PublicKey) bool {
	cert, ok := CertificateOf(key)
	if !ok || cert.Signature == nil {
		return false
	}
	blob := key.Marshal() // ends with the signature, behind its length of 4 bytes
	signed := blob[:len(blob)-4-len(ssh.Marshal(cert.Signature))]
	if cert.SignatureKey.Verify(signed, cert.Signature) == nil {
		return true
	}
	original, ok := key.(*ssh.Certificate)
	return ok && signedUntouched(original)
}

// signedUntouched asks x/crypto, which passes over the touch of a security key.
// The other fields are filled in so that it has nothing to object to.
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
	blob []byte // as it came
}

var _ ssh.PublicKey = (*compositeCertificate)(nil)

func (c *compositeCertificate) Type() string    { return MLDSA44Ed25519Certificate }
func (c *compositeCertificate) Marshal() []byte { return bytes.Clone(c.blob) }
func (c *compositeCertificate) Verify(data []byte, signature *ssh.Signature) error {
	return c.cert.Key.Verify(data, signature)
}

// parseCompositeCertificate reads the certificate with a stand-in for the key,
// which then gives its place to the real one.
func parseCompositeCertificate(blob []byte) (ssh.PublicKey, error) {
	wrong := fmt.Errorf("a certificate of the type %s is damaged", MLDSA44Ed25519Certificate)
	_, rest, _ := takeString(blob)
	nonce, rest, ok := takeString(rest)
	packed, rest, more := takeString(rest)
	if !ok || !more {
		return nil, wrong
	}
	key, err := newComposite(packed)
	if err != nil {
		return nil, err
	}
	standIn := ssh.Marshal(struct {
		Type       string
		Nonce, Key []byte
		Rest       []byte `ssh:"rest"`
	}{ssh.CertAlgoED25519v01, nonce, make([]byte, ed25519.PublicKeySize), rest})
	parsed, err := Parse(standIn)
	if err != nil {
		return nil, err
	}
	cert, ok := parsed.(*ssh.Certificate)
	if !ok || !bytes.Equal(cert.Marshal(), standIn) { // what is read is what was signed
		return nil, wrong
	}
	says := Certificate(*cert)
	says.Key = key
	return &compositeCertificate{says, bytes.Clone(blob)}, nil
}
