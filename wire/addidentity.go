package wire

import "github.com/keybroker/keybroker/keys/publickey"

// AddIdentity hands a private key over (17, or 25 with constraints).
type AddIdentity struct {
	KeyType     string
	Private     []byte // the fields of the private key, after its type
	Comment     string
	Constrained bool
	Constraints []Constraint
}

// field is the shape of one field of a private key.
type field byte

const (
	fieldString field = 's' // string or mpint: both are a length and as many bytes
	fieldByte   field = 'b'
)

// privateFields gives the fields that follow the key type, for each type (RFC
// 9987 sections 5.2.1 to 5.2.6, and PROTOCOL.certkeys for certificates: the
// certificate, then the private fields only). They have to be known, because
// comment and constraints come after them.
var privateFields = map[string][]field{
	"ssh-dss":             []field("sssss"),  // p q g y x
	"ssh-rsa":             []field("ssssss"), // n e d iqmp p q
	"ssh-ed25519":         []field("ss"),     // ENC(A), k || ENC(A)
	"ecdsa-sha2-nistp256": []field("sss"),    // curve Q d
	"ecdsa-sha2-nistp384": []field("sss"),
	"ecdsa-sha2-nistp521": []field("sss"),

	"ssh-mldsa44-ed25519@openssh.com":          []field("ss"), // both public keys, both seeds (ssh-mldsa-eddsa.c)
	"ssh-mldsa44-ed25519-cert-v01@openssh.com": []field("ss"), // certificate, both seeds

	"ssh-dss-cert-v01@openssh.com":             []field("ss"),    // certificate x
	"ssh-rsa-cert-v01@openssh.com":             []field("sssss"), // certificate d iqmp p q
	"ssh-ed25519-cert-v01@openssh.com":         []field("sss"),
	"ecdsa-sha2-nistp256-cert-v01@openssh.com": []field("ss"), // certificate d
	"ecdsa-sha2-nistp384-cert-v01@openssh.com": []field("ss"),
	"ecdsa-sha2-nistp521-cert-v01@openssh.com": []field("ss"),

	"sk-ssh-ed25519@openssh.com":         []field("ssbss"),  // ENC(A) application flags handle reserved
	"sk-ecdsa-sha2-nistp256@openssh.com": []field("sssbss"), // curve Q application flags handle reserved

	"sk-ssh-ed25519-cert-v01@openssh.com":         []field("sssbss"), // certificate ENC(A) application flags handle reserved
	"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com": []field("ssbss"),  // certificate application flags handle reserved
}

func parseAddIdentity(c *cursor, constrained bool) (AddIdentity, error) {
	add := AddIdentity{KeyType: c.string(), Constrained: constrained}
	shape, known := privateFields[add.KeyType]
	if c.bad {
		return add, ErrMalformed
	}
	if !known {
		return add, publickey.UnknownType{Type: add.KeyType}
	}
	start := c.rest
	for _, f := range shape {
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

// Marshal gives the message, with number 25 when it is constrained.
func (a AddIdentity) Marshal() []byte {
	number := NumAddIdentity
	if a.Constrained {
		number = NumAddIDConstrained
	}
	b := append(appendBytes([]byte{byte(number)}, a.KeyType), a.Private...)
	return appendConstraints(appendBytes(b, a.Comment), a.Constraints)
}

// Unconstrained is the same key without its constraints.
func (a AddIdentity) Unconstrained() AddIdentity {
	a.Constrained, a.Constraints = false, nil
	return a
}
