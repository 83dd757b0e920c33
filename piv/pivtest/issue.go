package pivtest

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Extended key usages, as on CAC and PIV cards.
const (
	ekuClientAuth = "1.3.6.1.5.5.7.3.2"
	ekuEmail      = "1.3.6.1.5.5.7.3.4"
	ekuLogon      = "1.3.6.1.4.1.311.20.2.2" // Microsoft smart card logon
	ekuCardAuth   = "2.16.840.1.101.3.6.8"   // id-PIV-cardAuth
	fascN         = "d4e739da739ced39ce739da1685a1082108ce73984119257fc"
	holder        = "DOE.JANE.QUINN.1234567890"
)

// issueGovernment makes the card one that was issued to a person. Certificates
// have one authority: which of them is for logging in is told by their usage.
func (c *Card) issueGovernment() error {
	c.putIdentity()
	for _, k := range []struct{ slot, alg byte }{
		{0x9a, AlgRSA2048}, {0x9c, AlgP256}, {0x9d, AlgRSA2048}, {0x9e, AlgP256}, {0x82, AlgP384},
	} {
		private, err := generateKey(k.alg)
		if err != nil {
			return err
		}
		if err := c.setKey(k.slot, private, Policy{}, originGenerated); err != nil {
			return err
		}
		if err := c.certify(k.slot, Certificate{}); err != nil {
			return err
		}
	}
	// Part 1, table 14: one retired key whose certificate is on the card.
	c.state.Objects.put(objKeyHistory, bytes.Join([][]byte{
		tlv(0xc1, []byte{1}), tlv(0xc2, []byte{0}), tlv(0xf3), tlv(0xfe)}, nil))
	c.state.Objects.put(objPrinted, bytes.Join([][]byte{
		tlv(0x01, []byte(holder)), tlv(0x02, []byte("U.S. Nobody")), tlv(0xfe)}, nil))
	return nil
}

// Identify puts a CHUID with a new GUID and a CCC on the card, as programs
// that set a YubiKey up do. A card without them has no identity but its keys.
func (c *Card) Identify() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putIdentity()
	return c.save()
}

// putIdentity: CHUID (part 1, table 9) with an empty signature, CCC (table 8).
func (c *Card) putIdentity() {
	guid := random(16)
	guid[6], guid[8] = guid[6]&0x0f|0x40, guid[8]&0x3f|0x80 // RFC 9562, version 4
	number, _ := hex.DecodeString(fascN)
	c.state.Objects.put(objCHUID, bytes.Join([][]byte{
		tlv(0x30, number), tlv(0x34, guid), tlv(0x35, []byte("20401231")), tlv(0x3e), tlv(0xfe)}, nil))
	id := append([]byte("\xa0\x00\x00\x01\x16\xff\x02"), random(14)...)
	ccc := [][]byte{tlv(0xf0, id), tlv(0xf1, []byte{0x21}), tlv(0xf2, []byte{0x21}), tlv(0xf3), tlv(0xf4, []byte{0}),
		tlv(0xf5, []byte{0x10}), tlv(0xf6), tlv(0xf7), tlv(0xfa), tlv(0xfb), tlv(0xfc), tlv(0xfd), tlv(0xfe)}
	c.state.Objects.put(objCCC, bytes.Join(ccc, nil))
}

// GUID is the card's identity from its CHUID; nil: it has none.
func (c *Card) GUID() []byte {
	f, _ := fields(c.Object(objCHUID))
	return f[0x34]
}

// slotCertificate is the template for a slot.
func (c *Card) slotCertificate(slot byte, want Certificate) (*x509.Certificate, error) {
	name := want.Subject
	if name == "" {
		name = fmt.Sprintf("PIV slot %x", slot)
		if !c.character.Yubico {
			name = holder
		}
	}
	t := certificate(pkix.Name{CommonName: name})
	t.KeyUsage = x509.KeyUsageDigitalSignature
	usages := []string{ekuClientAuth, ekuLogon}
	switch {
	case slot == 0x9c:
		t.KeyUsage |= x509.KeyUsageContentCommitment
		usages = []string{ekuEmail}
	case slot == 0x9e:
		t.Subject = pkix.Name{SerialNumber: fascN}
		usages = []string{ekuCardAuth}
	case slot == 0x9d || slot < 0x9a:
		t.KeyUsage = x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement
		usages = []string{ekuEmail}
	}
	if want.ExtKeyUsage != nil {
		usages = want.ExtKeyUsage
	}
	if !want.NotAfter.IsZero() {
		t.NotAfter = want.NotAfter
		t.NotBefore = want.NotAfter.AddDate(-3, 0, 0)
	}
	if f, ok := fields(c.state.Objects.get(objCHUID)); ok && len(f[0x34]) == 16 {
		g := f[0x34]
		t.URIs = []*url.URL{{Scheme: "urn", Opaque: fmt.Sprintf("uuid:%x-%x-%x-%x-%x", g[:4], g[4:6], g[6:8], g[8:10], g[10:])}}
	}
	return t, addUsages(t, usages)
}

func addUsages(t *x509.Certificate, dotted []string) error {
	for _, s := range dotted {
		var oid asn1.ObjectIdentifier
		for _, part := range strings.Split(s, ".") {
			n, err := strconv.Atoi(part)
			if err != nil {
				return fmt.Errorf("pivtest: %q is no OID", s)
			}
			oid = append(oid, n)
		}
		t.UnknownExtKeyUsage = append(t.UnknownExtKeyUsage, oid)
	}
	return nil
}
