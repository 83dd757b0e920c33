package wire

import (
	"fmt"

	"golang.org/x/crypto/ssh"
)

// SecurityKey has the parts of an AddIdentity for a FIDO key (RFC 9987 section 5.2.5;
// PROTOCOL.u2f). The private key stays in the device.
type SecurityKey struct {
	PublicBlob  []byte // of the key, or its certificate
	PublicKey   []byte // ENC(A) of an Ed25519 key; nil if PublicBlob suffices
	Application string // "ssh:…", or that of a web site
	Flags       byte   // SSH_SK_USER_PRESENCE_REQD and so on
}

// IsSecurityKey reports whether the key is a FIDO key.
func (a AddIdentity) IsSecurityKey() bool {
	switch a.KeyType {
	case ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, ssh.CertAlgoSKED25519v01, ssh.CertAlgoSKECDSA256v01:
		return true
	}
	return false
}

// SecurityKey reads the private fields of a FIDO key.
func (a AddIdentity) SecurityKey() (SecurityKey, error) {
	c := &cursor{rest: a.Private}
	var key SecurityKey
	var public [][]byte
	switch a.KeyType {
	case ssh.KeyAlgoSKED25519:
		key.PublicKey = c.bytes()
		public = [][]byte{key.PublicKey}
	case ssh.KeyAlgoSKECDSA256:
		public = [][]byte{c.bytes(), c.bytes()} // curve, Q
	case ssh.CertAlgoSKED25519v01:
		key.PublicBlob, key.PublicKey = c.bytes(), c.bytes()
	case ssh.CertAlgoSKECDSA256v01:
		key.PublicBlob = c.bytes()
	default:
		return key, fmt.Errorf("%w: %.64q is not a security key", ErrMalformed, a.KeyType)
	}
	key.Application, key.Flags = c.string(), c.uint8()
	c.bytes() // handle
	c.bytes() // reserved
	if !c.atEnd() {
		return key, fmt.Errorf("security key: %w", ErrMalformed)
	}
	if key.PublicBlob == nil {
		key.PublicBlob = appendBytes(nil, a.KeyType)
		for _, part := range public {
			key.PublicBlob = appendBytes(key.PublicBlob, part)
		}
		key.PublicBlob = appendBytes(key.PublicBlob, key.Application)
	}
	return key, nil
}

// Serialized returns the key as OpenSSH's programs pass it on: type, then private
// fields.
func (a AddIdentity) Serialized() []byte {
	return append(appendBytes(nil, a.KeyType), a.Private...)
}

// ParseString reads contents that are a single string, such as those of ExtSKProvider.
func ParseString(contents []byte) (string, error) {
	c := &cursor{rest: contents}
	text := c.string()
	if !c.atEnd() {
		return "", ErrMalformed
	}
	return text, nil
}
