package admin

import (
	"crypto/x509"
	_ "embed"
	"encoding/asn1"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
)

// Yubico's certificates for PIV attestations (developers.yubico.com/PKI). Those for its
// other applications are left out: they say nothing about a PIV key.
var (
	//go:embed yubico/roots.pem
	yubicoRoots []byte
	//go:embed yubico/intermediates.pem
	yubicoIntermediates []byte
)

// Extensions of an attestation (developers.yubico.com/PIV/Introduction/PIV_attestation.html).
var (
	extensionFirmware = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 41482, 3, 3} // three bytes
	extensionSerial   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 41482, 3, 7} // INTEGER
	extensionPolicies = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 41482, 3, 8} // PIN, touch
)

// attestedName is before the slot in the subject's common name.
const attestedName = "YubiKey PIV Attestation "

// verifyAttestation verifies the chain and reads what the card says. nil roots means
// Yubico's.
func verifyAttestation(attestation, issuer *x509.Certificate, roots *x509.CertPool) (Attestation, error) {
	if err := verifyChain(attestation, issuer, roots); err != nil {
		// The error holds names from the certificates.
		return Attestation{}, fmt.Errorf("%w: %s", ErrAttestation, platform.Escape(err.Error(), 300))
	}
	said, err := readAttestation(attestation)
	if err != nil {
		return Attestation{}, fmt.Errorf("%w: %w", ErrAttestation, err)
	}
	return said, nil
}

func verifyChain(attestation, issuer *x509.Certificate, roots *x509.CertPool) error {
	intermediates := x509.NewCertPool()
	if roots == nil {
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM(yubicoRoots)
		intermediates.AppendCertsFromPEM(yubicoIntermediates)
	}
	signer := *issuer
	if !signer.BasicConstraintsValid { // of some YubiKey 4: it lacks the extension that RFC 5280 requires
		signer.BasicConstraintsValid, signer.IsCA = true, true
	}
	intermediates.AddCert(&signer)
	_, err := attestation.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}

var errExtension = errors.New("it has an extension that cannot be read")

// readAttestation reads the statement of a verified attestation.
func readAttestation(attestation *x509.Certificate) (said Attestation, err error) {
	slot, err := strconv.ParseUint(strings.TrimPrefix(attestation.Subject.CommonName, attestedName), 16, 8)
	if err != nil || !strings.HasPrefix(attestation.Subject.CommonName, attestedName) {
		return said, errors.New("it does not name a slot")
	}
	said.Slot = piv.Slot(slot)
	for _, extension := range attestation.Extensions {
		value := extension.Value
		switch {
		case extension.Id.Equal(extensionFirmware):
			if len(value) != 3 {
				return said, errExtension
			}
			said.Version = piv.Version{Major: value[0], Minor: value[1], Patch: value[2]}
		case extension.Id.Equal(extensionPolicies):
			if len(value) != 2 {
				return said, errExtension
			}
			said.PINPolicy, said.TouchPolicy = piv.PoliciesOf(value[0], value[1])
		case extension.Id.Equal(extensionSerial):
			var serial int64
			if rest, err := asn1.Unmarshal(value, &serial); err != nil || len(rest) > 0 || serial < 0 || serial > 1<<32-1 {
				return said, errExtension
			}
			said.Serial = uint32(serial)
		}
	}
	return said, nil
}
