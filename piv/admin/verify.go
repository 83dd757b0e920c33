//go:build !nopcsc && ((cgo && (linux || darwin)) || windows)

package admin

import (
	"crypto/x509"
	"fmt"

	pivgo "github.com/go-piv/piv-go/v2/piv"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
)

// verifyAttestation has piv-go verify the chain. Without roots it takes Yubico's.
func verifyAttestation(attestation, issuer *x509.Certificate, roots *x509.CertPool) (Attestation, error) {
	verifier := pivgo.Verifier{Roots: roots}
	said, err := verifier.Verify(issuer, attestation)
	if err != nil {
		// Names from the certificates are in it.
		return Attestation{}, fmt.Errorf("%w: %s", ErrAttestation, platform.Escape(err.Error(), 300))
	}
	v := said.Version
	return Attestation{
		Slot:        piv.Slot(said.Slot.Key),
		Serial:      said.Serial,
		Version:     piv.Version{Major: byte(v.Major), Minor: byte(v.Minor), Patch: byte(v.Patch)},
		PINPolicy:   keyOf(pinPolicies, said.PINPolicy),
		TouchPolicy: keyOf(touchPolicies, said.TouchPolicy),
	}, nil
}

// keyOf turns a map around: "" for what is not in it.
func keyOf[K ~string, V comparable](m map[K]V, value V) (key K) {
	for k, v := range m {
		if v == value {
			key = k
		}
	}
	return key
}
