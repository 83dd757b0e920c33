package piv

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxCertificate bounds a certificate, also one that comes out of gzip: the
// standard allows 1,856 bytes, real ones with an RSA-4096 key and many names
// stay under 4 KiB.
const maxCertificate = 16 << 10

// Certificate is what a slot's certificate object holds.
type Certificate struct {
	DER       []byte
	X509      *x509.Certificate // nil when Go cannot read it: see Problem
	PublicKey crypto.PublicKey  // nil when there is none that we know
	Problem   string            // "" when X509 is set
}

// Certificate reads a slot's certificate, plain or gzip. The error wraps
// StatusNotFound when the slot has none. A certificate that breaks the rules
// of X.509, as some cards hold, is returned with its Problem and its key.
func (a *Applet) Certificate(ctx context.Context, slot Slot) (Certificate, error) {
	if !slot.Valid() {
		return Certificate{}, fmt.Errorf("piv: certificate of %s", slot.Name())
	}
	data, err := a.object(ctx, slot.object())
	if err != nil {
		return Certificate{}, fmt.Errorf("piv: certificate of slot %s: %w", slot, err)
	}
	cert, err := parseCertificateObject(data)
	if err != nil {
		return Certificate{}, fmt.Errorf("piv: certificate of slot %s: %w", slot, err)
	}
	return cert, nil
}

// parseCertificateObject reads tag 70 of SP 800-73-4 part 1 table 10. Cards do
// not agree on the bit of CertInfo (71) that says gzip, so the magic number
// says it: no DER begins with it.
func parseCertificateObject(data []byte) (Certificate, error) {
	der, err := must(data, 0x70)
	if err != nil {
		return Certificate{}, err
	}
	if len(der) == 0 {
		return Certificate{}, StatusNotFound
	}
	if bytes.HasPrefix(der, []byte{0x1F, 0x8B}) {
		if der, err = gunzip(der); err != nil {
			return Certificate{}, err
		}
	}
	return parseCertificate(der), nil
}

func gunzip(packed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(reader, maxCertificate+1))
	if err != nil {
		return nil, err
	}
	if len(out) > maxCertificate {
		return nil, fmt.Errorf("certificate of more than %d bytes", maxCertificate)
	}
	return out, nil
}

func parseCertificate(der []byte) Certificate {
	cert, err := x509.ParseCertificate(der)
	if err == nil {
		return Certificate{DER: der, X509: cert, PublicKey: cert.PublicKey}
	}
	// Some cards pad the DER with bytes that are none of it.
	if first, ok := firstElement(der); ok && len(first) < len(der) {
		if cert, err := x509.ParseCertificate(first); err == nil {
			return Certificate{DER: first, X509: cert, PublicKey: cert.PublicKey}
		}
	}
	return Certificate{DER: der, PublicKey: keyOf(der), Problem: "odd certificate: " + err.Error()}
}

func firstElement(der []byte) ([]byte, bool) {
	in, first := cryptobyte.String(der), cryptobyte.String(nil)
	return first, in.ReadASN1Element(&first, asn1.SEQUENCE)
}

// keyOf takes the SubjectPublicKeyInfo out of a certificate that x509 refuses
// (RFC 5280 section 4.1): a negative serial number is no reason to hide a key.
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
