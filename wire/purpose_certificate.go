package wire

import (
	"bytes"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// Certificate is a certificate that a CA key is asked to sign.
type Certificate struct {
	For         string   `json:"for"` // "user" or "host"
	KeyID       string   `json:"key_id,omitempty"`
	Serial      uint64   `json:"serial,omitempty"`
	Principals  []string `json:"principals,omitempty"`   // empty: any account or host
	ValidAfter  uint64   `json:"valid_after,omitempty"`  // seconds since 1970; 0: always
	ValidBefore uint64   `json:"valid_before,omitempty"` // likewise; ssh.CertTimeInfinity: forever
	Fingerprint string   `json:"fingerprint"`            // of the certified key
	Options     []string `json:"options,omitempty"`      // critical ones: "force-command=/bin/true"
}

// CertificateSuffix ends the names of certificate types (OpenSSH PROTOCOL.certkeys).
const CertificateSuffix = "-cert-v01@openssh.com"

// parseCertificate reads a certificate that lacks only its signature. Data that
// begins like a certificate but is not one by this key is unknown.
func parseCertificate(data, keyBlob []byte) (Purpose, bool) {
	c := &cursor{rest: data}
	if algorithm := c.string(); c.bad || !strings.HasSuffix(algorithm, CertificateSuffix) {
		return Purpose{}, false
	}
	if c.bytes(); c.bad { // the nonce; in a login, the byte 50 would begin an impossible length
		return Purpose{}, false
	}
	certificate, cert, ok := parseUnsigned(data)
	switch {
	case !ok:
		return unknown("a certificate that cannot be read"), true
	case !bytes.Equal(cert.SignatureKey.Marshal(), keyBlob):
		return unknown("a certificate that names another authority than the key that is asked for"), true
	case cert.CertType != ssh.UserCert && cert.CertType != ssh.HostCert:
		return unknown("a certificate neither for a user nor for a host"), true
	}
	return Purpose{Kind: KindCertificate, Algorithm: certificate.Type(), Certificate: describe(cert)}, true
}

// parseUnsigned parses data with a dummy signature appended, and makes sure that the
// result marshals to the same bytes.
func parseUnsigned(data []byte) (key ssh.PublicKey, cert *publickey.Certificate, ok bool) {
	signature := ssh.Marshal(ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: make([]byte, 64)})
	key, err := publickey.Parse(appendBytes(bytes.Clone(data), signature))
	if err != nil {
		return nil, nil, false
	}
	cert, ok = publickey.CertificateOf(key)
	return key, cert, ok && bytes.Equal(key.Marshal(), appendBytes(bytes.Clone(data), signature))
}

func describe(cert *publickey.Certificate) *Certificate {
	d := &Certificate{
		For: "user", KeyID: cert.KeyId, Serial: cert.Serial, Principals: slices.Clone(cert.ValidPrincipals),
		ValidAfter: cert.ValidAfter, ValidBefore: cert.ValidBefore, Fingerprint: ssh.FingerprintSHA256(cert.Key),
	}
	if cert.CertType == ssh.HostCert {
		d.For = "host"
	}
	for name, value := range cert.CriticalOptions {
		d.Options = append(d.Options, strings.TrimSuffix(name+"="+value, "="))
	}
	slices.Sort(d.Options)
	return d
}
