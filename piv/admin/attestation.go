package admin

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/piv"
)

// Attestation is a YubiKey's verified statement about a key that it made.
type Attestation struct {
	Slot        piv.Slot
	Serial      uint32
	Version     piv.Version
	PINPolicy   piv.PINPolicy
	TouchPolicy piv.TouchPolicy
	PublicKey   crypto.PublicKey
}

// ErrAttestation means that an attestation is not valid.
var ErrAttestation = errors.New("the attestation is not valid")

// VerifyAttestation checks that the card's attestation key (issuer) signed the
// slot's attestation, and that roots (nil: Yubico's) signed issuer.
// The attestation must be for this slot, this card (serial 0: any card) and key.
// The error wraps ErrAttestation.
func VerifyAttestation(attestation, issuer *x509.Certificate, roots *x509.CertPool, slot piv.Slot, serial uint32, key crypto.PublicKey) (Attestation, error) {
	verified, err := verifyAttestation(attestation, issuer, roots)
	if err != nil {
		return verified, err
	}
	verified.PublicKey = attestation.PublicKey
	attested, comparable := verified.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case verified.Slot != slot:
		return verified, fmt.Errorf("%w: it is for slot %s", ErrAttestation, verified.Slot)
	case serial != 0 && verified.Serial != serial:
		return verified, fmt.Errorf("%w: it is for the YubiKey %d", ErrAttestation, verified.Serial)
	case !comparable || !attested.Equal(key):
		return verified, fmt.Errorf("%w: it is for another key than the slot holds", ErrAttestation)
	}
	return verified, nil
}
