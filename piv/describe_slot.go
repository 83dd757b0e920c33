package piv

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
)

func (d describer) add(ctx context.Context, slot Slot) error {
	info, there, err := d.slot(ctx, slot)
	if err == nil && there {
		d.token.Slots = append(d.token.Slots, info)
	}
	return err
}

// slot reads the certificate first, then asks the card itself. If their keys
// differ, the card's counts, because the card signs.
func (d describer) slot(ctx context.Context, slot Slot) (SlotInfo, bool, error) {
	info := SlotInfo{Slot: slot, PIN: slot.defaultPIN()}
	certified, err := d.certificate(ctx, &info)
	if err != nil {
		return info, false, err
	}
	held, err := d.key(ctx, &info)
	if err != nil {
		return info, false, err
	}
	info.judge()
	return info, certified || held, nil
}

// judge sets the algorithm of the slot's key, or the Problem with it.
func (s *SlotInfo) judge() {
	if s.PublicKey == nil {
		s.problem("its public key is not known")
		return
	}
	alg, err := AlgorithmOf(s.PublicKey)
	if err != nil {
		s.problem(err.Error())
		return
	}
	s.Algorithm = alg
}

// certificate reports whether there is a certificate object, valid or not.
func (d describer) certificate(ctx context.Context, info *SlotInfo) (bool, error) {
	cert, err := d.Certificate(ctx, info.Slot)
	switch {
	case absent(err):
		return false, nil
	case fatal(err):
		return false, err
	case err != nil:
		info.problem(err.Error())
		return true, nil
	}
	info.Certificate = cert.X509
	info.problem(cert.Problem)
	if cert.PublicKey != nil {
		info.PublicKey, info.From = cert.PublicKey, "certificate"
	}
	return true, nil
}

// key reports whether a YubiKey reports a key in the slot.
func (d describer) key(ctx context.Context, info *SlotInfo) (bool, error) {
	switch {
	case d.hasMetadata():
		return d.fromMetadata(ctx, info)
	case d.token.Kind == KindYubiKey && d.token.Version.AtLeast(4, 3):
		return d.fromAttestation(ctx, info)
	}
	return false, nil
}

func (d describer) fromMetadata(ctx context.Context, info *SlotInfo) (bool, error) {
	metadata, err := d.Metadata(ctx, info.Slot)
	switch {
	case absent(err):
		if info.PublicKey != nil {
			info.NoKey = true
			info.problem("the slot holds a certificate and no key")
		}
		return false, nil
	case errors.Is(err, ErrNotOffered): // the card says nothing about the slot
		return false, nil
	case fatal(err):
		return false, err
	case err != nil:
		info.problem(err.Error())
		return true, nil
	}
	info.Algorithm, info.Origin, info.Touch = metadata.Algorithm, metadata.Origin, metadata.Touch
	if metadata.PIN != PINUnknown {
		info.PIN = metadata.PIN
	}
	info.replace(metadata.PublicKey, "metadata")
	return true, nil
}

// fromAttestation is for firmware without metadata. A card refuses it with various
// status words if the key was imported or does not exist.
func (d describer) fromAttestation(ctx context.Context, info *SlotInfo) (bool, error) {
	der, err := d.Attest(ctx, info.Slot)
	if err != nil {
		if fatal(err) {
			return false, err
		}
		return false, nil
	}
	cert := parseCertificate(der)
	if cert.X509 != nil {
		info.policies(cert.X509)
	}
	info.Origin = "generated"
	info.replace(cert.PublicKey, "attestation")
	return true, nil
}

// oidPolicies is the attestation extension with the PIN policy and the touch
// policy, one byte each.
var oidPolicies = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 41482, 3, 8}

func (s *SlotInfo) policies(attestation *x509.Certificate) {
	for _, extension := range attestation.Extensions {
		if extension.Id.Equal(oidPolicies) && len(extension.Value) == 2 {
			s.PIN, s.Touch = PoliciesOf(extension.Value[0], extension.Value[1])
		}
	}
}

// replace sets the key that the card itself reported.
func (s *SlotInfo) replace(key crypto.PublicKey, from string) {
	known, ok := s.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case key == nil, ok && known.Equal(key):
		return
	case ok:
		s.problem("the certificate is for another key than the slot holds")
	}
	s.PublicKey, s.From = key, from
}

func (s *SlotInfo) problem(text string) {
	if s.Problem != "" && text != "" {
		text = s.Problem + "; " + text
	}
	if text != "" {
		s.Problem = text
	}
}
