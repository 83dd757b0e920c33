package certificates

import (
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys/pubformat"
)

// Parse reads a user certificate (OpenSSH PROTOCOL.certkeys) and verifies its
// authority's signature. Only a server can judge the authority itself. Parse does
// not check the validity period. publickey.CertificateOf returns the fields.
func Parse(data []byte) (ssh.PublicKey, error) {
	pub, _, err := pubformat.Parse(data)
	if err != nil {
		return nil, errors.New("it is not a certificate, or it is damaged")
	}
	cert, ok := publickey.CertificateOf(pub)
	switch {
	case !ok:
		return nil, errors.New("it is a public key, not a certificate")
	case cert.CertType == ssh.HostCert:
		return nil, errors.New("it is the certificate of a host, not of a user")
	case cert.CertType != ssh.UserCert:
		return nil, fmt.Errorf("it is a certificate of the unknown type %d", cert.CertType)
	case !publickey.SignedByAuthority(pub):
		return nil, errors.New("the signature of its authority is wrong: it is damaged")
	}
	return pub, nil
}
