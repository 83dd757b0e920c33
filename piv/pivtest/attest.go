package pivtest

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"
)

// attestationOID is Yubico's arc (developers.yubico.com/PIV/Introduction/PIV_attestation.html).
func attestationOID(n int) asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 41482, 3, n}
}

// AttestationRoot is the certificate of the made-up root that attests a
// YubiKey's keys, in place of Yubico's; nil for another card.
func (c *Card) AttestationRoot() *x509.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	root, err := x509.ParseCertificate(c.state.AttestationRoot)
	if err != nil {
		return nil
	}
	return root
}

// addAttestation gives the card an attestation key (F9) with a certificate
// that a root of its own signed.
func (c *Card) addAttestation() error {
	rootKey, err := generateKey(AlgP256)
	if err != nil {
		return err
	}
	root := authority("Virtual PIV Root CA", 1)
	c.state.AttestationRoot, err = x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		return err
	}
	key, err := generateKey(AlgP256)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, authority("Virtual PIV Attestation", 0), root, key.Public(), rootKey)
	if err != nil {
		return err
	}
	c.state.Objects.put(objAttestation, certificateContent(der, Certificate{}))
	return c.setKey(slotAttestation, key, Policy{}, originGenerated)
}

func authority(name string, pathLen int) *x509.Certificate {
	t := certificate(pkix.Name{CommonName: name})
	t.IsCA, t.BasicConstraintsValid = true, true
	t.MaxPathLen, t.MaxPathLenZero = pathLen, pathLen == 0
	t.KeyUsage = x509.KeyUsageCertSign
	return t
}

// certificate is a template with a random serial number, valid for ten years.
func certificate(subject pkix.Name) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(append([]byte{1}, random(15)...)),
		Subject:      subject,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(10, 0, 0),
	}
}

// attest is Yubico's ATTEST: a certificate that says where the key of a slot
// was made and with which policies. A key that was imported has none.
func (c *Card) attest(cmd command) ([]byte, int) {
	key, attester := c.state.Slots[cmd.p1], c.state.Slots[slotAttestation]
	switch {
	case cmd.p2 != 0 || !c.isSlot(cmd.p1) || cmd.p1 == slotAttestation:
		return nil, swWrongP1P2
	case key == nil || attester == nil:
		return nil, swNoReference
	case key.Origin != originGenerated:
		return nil, swWrongData
	}
	issuer, err := c.attestationCertificate()
	if err != nil {
		return nil, swFault
	}
	serial, err := asn1.Marshal(int64(c.state.Serial))
	if err != nil {
		return nil, swFault
	}
	t := certificate(pkix.Name{CommonName: fmt.Sprintf("YubiKey PIV Attestation %x", cmd.p1)})
	t.ExtraExtensions = []pkix.Extension{
		{Id: attestationOID(3), Value: c.version()},
		{Id: attestationOID(7), Value: serial},
		{Id: attestationOID(8), Value: []byte{key.PIN, key.Touch}},
		{Id: attestationOID(9), Value: []byte{formFactor}},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, issuer, key.private.Public(), attester.private)
	if err != nil {
		return nil, swFault
	}
	return der, swOK
}

func (c *Card) attestationCertificate() (*x509.Certificate, error) {
	f, ok := fields(c.state.Objects.get(objAttestation))
	if !ok {
		return nil, errKey
	}
	return x509.ParseCertificate(f[0x70])
}
