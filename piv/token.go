package piv

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"strconv"
	"strings"
	"time"
)

// shortNumber is how many digits of a GUID or another long number name a card.
const shortNumber = 8

// Kind is what sort of card a Token is.
type Kind string

// The kinds of card.
const (
	KindPIV     Kind = "PIV"     // a card with only the standard's instructions
	KindYubiKey Kind = "YubiKey" // with Yubico's instructions
)

// Token is the contents of one card at one moment. It is immutable. Nothing in it is
// secret. Its texts come from the card and must be escaped for display.
type Token struct {
	ID      string // stays the same in every reader: "guid:…", "fasc-n:…", "serial:…", "key:…"
	Kind    Kind
	Label   string // the application's label, often ""
	GUID    GUID
	FASCN   string    // "agency-system-credential" of a federal card; "" for others, whose FASC-N is not unique
	Expires time.Time // of the card (CHUID); zero: not reported
	Serial  uint32    // YubiKey; 0: not reported
	Version Version   // YubiKey firmware; zero: not reported

	Reference   PINReference // the PIN that the card asks for
	PINTries    int          // tries left; -1: not reported
	PINVerified bool         // the PIN was already given
	PINDefault  bool         // the PIN is the factory's; only a YubiKey reports it
	History     KeyHistory

	Slots    []SlotInfo // the slots that are not empty, in the order of Slots()
	Problems []string   // what could not be read
	Reading  bool       // not all slots have been read yet
}

// SlotInfo is the contents of one slot.
type SlotInfo struct {
	Slot        Slot
	Algorithm   Algorithm
	PublicKey   crypto.PublicKey // nil if unknown: see Problem
	From        string           // the source of the public key: "certificate", "metadata", "attestation"
	Certificate *x509.Certificate
	PIN         PINPolicy
	Touch       TouchPolicy
	Origin      string // "generated", "imported"; "": not reported
	NoKey       bool   // the card reports no key: the certificate is a leftover
	Problem     string // why the slot cannot be used, or what is unusual about it
}

// Slot returns the contents of a slot.
func (t *Token) Slot(slot Slot) (SlotInfo, bool) {
	for _, info := range t.Slots {
		if info.Slot == slot {
			return info, true
		}
	}
	return SlotInfo{}, false
}

// Name is the card's name for people: "YubiKey 12345678", "PIV card
// 7000-0001-000042", "PIV card 3f2a91c0". It is unique among cards with a number.
func (t *Token) Name() string {
	kind, number := "PIV card", t.FASCN
	if t.Kind == KindYubiKey {
		kind, number = "YubiKey", ""
		if t.Serial != 0 {
			number = strconv.FormatUint(uint64(t.Serial), 10)
		}
	}
	if number == "" {
		_, number, _ = strings.Cut(t.ID, ":")
		number = number[:min(len(number), shortNumber)]
	}
	if number == "" {
		return kind
	}
	return kind + " " + number
}

// Expired reports whether now is outside the validity period of the slot's certificate.
// It is false without a certificate.
func (s SlotInfo) Expired(now time.Time) bool {
	return s.Certificate != nil && (now.Before(s.Certificate.NotBefore) || now.After(s.Certificate.NotAfter))
}

// ekuNames holds extended key usages in PIV certificates that crypto/x509 does not
// name (FPKI common policy, PKINIT, Microsoft).
var ekuNames = map[string]string{
	"2.16.840.1.101.3.6.8":   "PIV card authentication",
	"2.16.840.1.101.3.6.7":   "PIV content signing",
	"1.3.6.1.4.1.311.20.2.2": "smartcard logon",
	"1.3.6.1.5.2.3.4":        "PKINIT client",
	"1.3.6.1.5.5.7.3.21":     "SSH client",
}

var knownEKU = map[x509.ExtKeyUsage]string{
	x509.ExtKeyUsageAny:             "any",
	x509.ExtKeyUsageServerAuth:      "server authentication",
	x509.ExtKeyUsageClientAuth:      "client authentication",
	x509.ExtKeyUsageCodeSigning:     "code signing",
	x509.ExtKeyUsageEmailProtection: "e-mail protection",
	x509.ExtKeyUsageTimeStamping:    "time stamping",
	x509.ExtKeyUsageOCSPSigning:     "OCSP signing",
}

// EKU lists the certificate's extended key usages by name, or by OID.
func (s SlotInfo) EKU() []string {
	if s.Certificate == nil {
		return nil
	}
	var names []string
	for _, usage := range s.Certificate.ExtKeyUsage {
		if name, ok := knownEKU[usage]; ok {
			names = append(names, name)
		}
	}
	for _, oid := range s.Certificate.UnknownExtKeyUsage {
		names = append(names, nameOf(oid))
	}
	return names
}

func nameOf(oid asn1.ObjectIdentifier) string {
	if name, ok := ekuNames[oid.String()]; ok {
		return name
	}
	return oid.String()
}
