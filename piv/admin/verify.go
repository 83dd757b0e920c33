//go:build !nopcsc && ((cgo && (linux || darwin)) || windows)

package admin

import (
	"crypto/x509"
	"fmt"

	pivgo "github.com/go-piv/piv-go/v2/piv"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
)

// verifyAttestation verifies the chain with piv-go. nil roots means Yubico's.
func verifyAttestation(attestation, issuer *x509.Certificate, roots *x509.CertPool) (Attestation, error) {
	verifier := pivgo.Verifier{Roots: roots}
	statement, err := verifier.Verify(issuer, attestation)
	if err != nil {
		// The error holds names from the certificates.
		return Attestation{}, fmt.Errorf("%w: %s", ErrAttestation, platform.Escape(err.Error(), 300))
	}
	v := statement.Version
	return Attestation{
		Slot:        piv.Slot(statement.Slot.Key),
		Serial:      statement.Serial,
		Version:     piv.Version{Major: byte(v.Major), Minor: byte(v.Minor), Patch: byte(v.Patch)},
		PINPolicy:   keyOf(pinPolicies, statement.PINPolicy),
		TouchPolicy: keyOf(touchPolicies, statement.TouchPolicy),
	}, nil
}

// keyOf returns the key of a value in m, or "".
func keyOf[K ~string, V comparable](m map[K]V, value V) (key K) {
	for k, v := range m {
		if v == value {
			key = k
		}
	}
	return key
}
