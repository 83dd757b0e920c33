package wire

import "github.com/keybroker/keybroker/keys/publickey"

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
	"ssh-dss":             []field("sssss"),  // p q g y x
	"ssh-rsa":             []field("ssssss"), // n e d iqmp p q
	"ssh-ed25519":         []field("ss"),     // ENC(A), k || ENC(A)
	"ecdsa-sha2-nistp256": []field("sss"),    // curve Q d
	"ecdsa-sha2-nistp384": []field("sss"),
	"ecdsa-sha2-nistp521": []field("sss"),

	publickey.MLDSA44Ed25519:            []field("ss"), // both public keys, both seeds (ssh-mldsa-eddsa.c)
	publickey.MLDSA44Ed25519Certificate: []field("ss"), // certificate, both seeds

	"ssh-dss-cert-v01@openssh.com":             []field("ss"),    // certificate x
	"ssh-rsa-cert-v01@openssh.com":             []field("sssss"), // certificate d iqmp p q
	"ssh-ed25519-cert-v01@openssh.com":         []field("sss"),
	"ecdsa-sha2-nistp256-cert-v01@openssh.com": []field("ss"), // certificate d
	"ecdsa-sha2-nistp384-cert-v01@openssh.com": []field("ss"),
	"ecdsa-sha2-nistp521-cert-v01@openssh.com": []field("ss"),

	typeSKEd25519: []field("ssbss"),  // ENC(A) application flags handle reserved
	typeSKECDSA:   []field("sssbss"), // curve Q application flags handle reserved

	typeSKEd25519Cert: []field("sssbss"), // certificate ENC(A) application flags handle reserved
	typeSKECDSACert:   []field("ssbss"),  // certificate application flags handle reserved
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
