package wire

import "fmt"

// AssociatedCerts is the contents of the constraint ExtAssociatedCerts (OpenSSH
// PROTOCOL.agent section 3): certificates for the keys of a token.
type AssociatedCerts struct {
	Only  bool // without the plain keys
	Blobs [][]byte
}

// ParseAssociatedCerts reads the contents.
func ParseAssociatedCerts(contents []byte) (AssociatedCerts, error) {
	outer := &cursor{rest: contents}
	certs := AssociatedCerts{Only: outer.boolean()}
	c := &cursor{rest: outer.bytes()}
	for len(c.rest) > 0 && !c.bad {
		if len(certs.Blobs) == MaxCertificates {
			return certs, fmt.Errorf("associated certificates: %w: more than %d", ErrMalformed, MaxCertificates)
		}
		certs.Blobs = append(certs.Blobs, c.bytes())
	}
	if !outer.atEnd() || c.bad {
		return certs, fmt.Errorf("associated certificates: %w", ErrMalformed)
	}
	return certs, nil
}

// Marshal returns the contents.
func (a AssociatedCerts) Marshal() []byte {
	var all []byte
	for _, blob := range a.Blobs {
		all = appendBytes(all, blob)
	}
	return appendBytes(appendBool(nil, a.Only), all)
}
