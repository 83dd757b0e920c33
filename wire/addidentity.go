package wire

import (
	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// AddIdentity asks to add a private key (17, or 25 with constraints).
type AddIdentity struct {
	KeyType     string
	Private     []byte // the private key's fields, after its type
	Comment     string
	Constrained bool
	Constraints []Constraint
}

// field is the type of one field of a private key.
type field byte

const (
	fieldString field = 's' // string or mpint: both are a length and that many bytes
	fieldByte   field = 'b'
)

// privateFields has the fields that follow each key type (RFC 9987 sections 5.2.1 to
// 5.2.6; for certificates PROTOCOL.certkeys: the certificate, then only the private
// fields). They must be known, because the comment and the constraints follow them.
var privateFields = map[string][]field{
	"ssh-dss":           []field("sssss"),  // p q g y x
	ssh.KeyAlgoRSA:      []field("ssssss"), // n e d iqmp p q
	ssh.KeyAlgoED25519:  []field("ss"),     // ENC(A), k || ENC(A)
	ssh.KeyAlgoECDSA256: []field("sss"),    // curve Q d
	ssh.KeyAlgoECDSA384: []field("sss"),
	ssh.KeyAlgoECDSA521: []field("sss"),

	publickey.MLDSA44Ed25519:            []field("ss"), // both public keys, both seeds (ssh-mldsa-eddsa.c)
	publickey.MLDSA44Ed25519Certificate: []field("ss"), // certificate, both seeds

	"ssh-dss-cert-v01@openssh.com": []field("ss"),    // certificate x
	ssh.CertAlgoRSAv01:             []field("sssss"), // certificate d iqmp p q
	ssh.CertAlgoED25519v01:         []field("sss"),
	ssh.CertAlgoECDSA256v01:        []field("ss"), // certificate d
	ssh.CertAlgoECDSA384v01:        []field("ss"),
	ssh.CertAlgoECDSA521v01:        []field("ss"),

	ssh.KeyAlgoSKED25519:  []field("ssbss"),  // ENC(A) application flags handle reserved
	ssh.KeyAlgoSKECDSA256: []field("sssbss"), // curve Q application flags handle reserved

	ssh.CertAlgoSKED25519v01:  []field("sssbss"), // certificate ENC(A) application flags handle reserved
	ssh.CertAlgoSKECDSA256v01: []field("ssbss"),  // certificate application flags handle reserved
}

func parseAddIdentity(c *cursor, constrained bool) (AddIdentity, error) {
	add := AddIdentity{KeyType: c.string(), Constrained: constrained}
	fields, known := privateFields[add.KeyType]
	if c.bad {
		return add, ErrMalformed
	}
	if !known {
		return add, publickey.UnknownType{Type: add.KeyType}
	}
	start := c.rest
	for _, f := range fields {
		if f == fieldByte {
			c.uint8()
		} else {
			c.bytes()
		}
	}
	add.Private = start[:len(start)-len(c.rest)]
	add.Comment = c.string()
	if !constrained {
		return add, nil
	}
	var err error
	add.Constraints, err = parseConstraints(c)
	return add, err
}

// Marshal returns the message, with number 25 if it is constrained.
func (a AddIdentity) Marshal() []byte {
	number := NumAddIdentity
	if a.Constrained {
		number = NumAddIDConstrained
	}
	b := append(appendBytes([]byte{byte(number)}, a.KeyType), a.Private...)
	return appendConstraints(appendBytes(b, a.Comment), a.Constraints)
}

// Unconstrained returns the key without its constraints.
func (a AddIdentity) Unconstrained() AddIdentity {
	a.Constrained, a.Constraints = false, nil
	return a
}
