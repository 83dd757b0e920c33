package certificates

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/softkeys/pubformat"
)

// Parse reads a user certificate (OpenSSH PROTOCOL.certkeys) and checks that
// its authority has signed it; which authority, only a server can judge. It does
// not look at the time.
func Parse(data []byte) (*ssh.Certificate, error) {
	pub, _, err := pubformat.Parse(data)
	if err != nil {
		return nil, errors.New("it is not a certificate, or it is damaged")
	}
	cert, ok := pub.(*ssh.Certificate)
	switch {
	case !ok:
		return nil, errors.New("it is a public key, and no certificate")
	case cert.CertType == ssh.HostCert:
		return nil, errors.New("it is the certificate of a host, not of a user")
	case cert.CertType != ssh.UserCert:
		return nil, fmt.Errorf("it is a certificate of the unknown type %d", cert.CertType)
	case !signed(cert):
		return nil, errors.New("the signature of its authority is not right: it is damaged")
	}
	return cert, nil
}

// signed asks x/crypto for the signature alone: the other fields are filled in
// so that it has nothing to object to.
func signed(cert *ssh.Certificate) bool {
	at := time.Unix(int64(min(cert.ValidAfter, 1<<62)), 0)
	checker := ssh.CertChecker{
		Clock:                    func() time.Time { return at },
		SupportedCriticalOptions: slices.Collect(maps.Keys(cert.CriticalOptions)),
	}
	principal := ""
	if len(cert.ValidPrincipals) > 0 {
		principal = cert.ValidPrincipals[0]
	}
	return checker.CheckCert(principal, cert) == nil
}
