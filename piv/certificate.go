package piv

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Certificate is the contents of a slot's certificate object.
type Certificate struct {
	DER       []byte
	X509      *x509.Certificate // nil if Go cannot read it: see Problem
	PublicKey crypto.PublicKey  // nil if it cannot be read
	Problem   string            // "" if X509 is set
}

// IsCertificate reports whether the object is a certificate, even a malformed one.
func (c Certificate) IsCertificate() bool { return c.X509 != nil || c.PublicKey != nil }

// Certificate reads a slot's certificate, plain or compressed. The error wraps
// StatusNotFound if the slot has none. Some cards hold certificates that violate
// X.509: they are returned with their key and a Problem.
func (a *Applet) Certificate(ctx context.Context, slot Slot) (Certificate, error) {
	if !slot.Valid() {
		return Certificate{}, fmt.Errorf("certificate of %s", slot.Name())
	}
	data, err := a.object(ctx, slot.object())
	if err != nil {
		return Certificate{}, fmt.Errorf("certificate of slot %s: %w", slot, err)
	}
	cert, err := parseCertificateObject(data)
	if err != nil {
		return Certificate{}, fmt.Errorf("certificate of slot %s: %w", slot, err)
	}
	return cert, nil
}

// parseCertificateObject reads tag 70 of SP 800-73-4 part 1 table 10.
func parseCertificateObject(data []byte) (Certificate, error) {
	der, err := required(data, 0x70)
	if err != nil {
		return Certificate{}, err
	}
	if len(der) == 0 {
		return Certificate{}, StatusNotFound
	}
	if der, err = uncompressed(der); err != nil {
		return Certificate{}, err
	}
	return parseCertificate(der), nil
}

func parseCertificate(der []byte) Certificate {
	cert, err := x509.ParseCertificate(der)
	if err == nil {
		return Certificate{DER: der, X509: cert, PublicKey: cert.PublicKey}
	}
	// Some cards pad the DER.
	if first, ok := firstElement(der); ok && len(first) < len(der) {
		if cert, err := x509.ParseCertificate(first); err == nil {
			return Certificate{DER: first, X509: cert, PublicKey: cert.PublicKey}
		}
	}
	malformed := Certificate{DER: der, PublicKey: keyOf(der), Problem: "malformed certificate: " + err.Error()}
	if malformed.PublicKey == nil {
		malformed.Problem = "the stored object is not a certificate: " + err.Error()
	}
	return malformed
}

func firstElement(der []byte) ([]byte, bool) {
	in, first := cryptobyte.String(der), cryptobyte.String(nil)
	return first, in.ReadASN1Element(&first, asn1.SEQUENCE)
}

// keyOf reads the SubjectPublicKeyInfo of a certificate that x509 refuses (RFC
// 5280 section 4.1): a negative serial number, for one, should not hide a key.
func keyOf(der []byte) crypto.PublicKey {
	in := cryptobyte.String(der)
	var certificate, tbs, spki cryptobyte.String
	if !in.ReadASN1(&certificate, asn1.SEQUENCE) || !certificate.ReadASN1(&tbs, asn1.SEQUENCE) {
		return nil
	}
	ok := tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) && // version
		tbs.SkipASN1(asn1.INTEGER) && // serialNumber
		tbs.SkipASN1(asn1.SEQUENCE) && // signature
		tbs.SkipASN1(asn1.SEQUENCE) && // issuer
		tbs.SkipASN1(asn1.SEQUENCE) && // validity
		tbs.SkipASN1(asn1.SEQUENCE) && // subject
		tbs.ReadASN1Element(&spki, asn1.SEQUENCE)
	if !ok {
		return nil
	}
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil
	}
	return pub
}
