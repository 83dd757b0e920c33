package admin

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/piv"
)

// Attestation is what a YubiKey says of a key that it made, after the
// signatures were verified.
type Attestation struct {
	Slot        piv.Slot
	Serial      uint32
	Version     piv.Version
	PINPolicy   piv.PINPolicy
	TouchPolicy piv.TouchPolicy
	PublicKey   crypto.PublicKey
}

// ErrAttestation means that an attestation does not hold.
var ErrAttestation = errors.New("the attestation does not hold")

// VerifyAttestation checks that the slot's attestation was signed by the card's
// attestation key (issuer), and that one by roots; nil: Yubico's, which piv-go
// carries. The attestation must be for this slot of this card (serial 0: any),
// and for key. The error wraps ErrAttestation.
func VerifyAttestation(attestation, issuer *x509.Certificate, roots *x509.CertPool, slot piv.Slot, serial uint32, key crypto.PublicKey) (Attestation, error) {
	said, err := verifyAttestation(attestation, issuer, roots)
	if err != nil {
		return said, err
	}
	said.PublicKey = attestation.PublicKey
	held, comparable := said.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case said.Slot != slot:
		return said, fmt.Errorf("%w: it is for slot %s", ErrAttestation, said.Slot)
	case serial != 0 && said.Serial != serial:
		return said, fmt.Errorf("%w: it is for the YubiKey %d", ErrAttestation, said.Serial)
	case !comparable || !held.Equal(key):
		return said, fmt.Errorf("%w: it is for another key than the slot holds", ErrAttestation)
	}
	return said, nil
}
