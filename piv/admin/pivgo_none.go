//go:build nopcsc || (!windows && (!cgo || !(linux || darwin)))

package admin

import (
	"crypto/x509"

	"github.com/keybroker/keybroker/piv"
)

func perform(Request) Answer { return failed(problemNoSupport, piv.ErrNotCompiledIn) }

func verifyAttestation(_, _ *x509.Certificate, _ *x509.CertPool) (Attestation, error) {
	return Attestation{}, piv.ErrNotCompiledIn
}
