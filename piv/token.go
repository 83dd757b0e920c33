package piv

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"strconv"
	"strings"
	"time"
)

// shortNumber is how much of a GUID, or of another long number, names a card.
const shortNumber = 8

// Kind is what sort of card a Token is.
type Kind string

// The kinds of card.
const (
	KindPIV     Kind = "PIV"     // a card that speaks the standard and nothing else
	KindYubiKey Kind = "YubiKey" // with Yubico's instructions
)

// Token is what one card holds, as read at one moment. It is never changed
// after Describe returned it. Nothing in it is secret; text on it was chosen by
// whoever made the card: escape it before showing.
type Token struct {
	ID      string // stays the same in every reader: "guid:…", "fasc-n:…", "serial:…", "key:…"
	Kind    Kind
	Label   string // what the application calls itself, often ""
	GUID    GUID
	FASCN   string    // "agency-system-credential" of a federal card, else "": no other has one of its own
	Expires time.Time // of the card (CHUID); zero: not told
	Serial  uint32    // YubiKey; 0: not told
	Version Version   // YubiKey firmware; zero: not told

	Reference   PINReference // the PIN that the card asks for
	PINTries    int          // tries left; -1: not told
	PINVerified bool         // somebody gave the PIN already
	PINDefault  bool         // the PIN is the factory's; only a YubiKey tells
	History     KeyHistory

	Slots    []SlotInfo // the slots that hold something, in the order of Slots()
	Problems []string   // what could not be read, in words
	Reading  bool       // not all slots have been read yet
}

// SlotInfo is what one slot holds.
type SlotInfo struct {
	Slot        Slot
	Algorithm   Algorithm
	PublicKey   crypto.PublicKey // nil when nothing told it: see Problem
	From        string           // what told the public key: "certificate", "metadata", "attestation"
	Certificate *x509.Certificate
	PIN         PINPolicy
	Touch       TouchPolicy
	Origin      string // "generated", "imported", "" not told
	NoKey       bool   // the card says that there is none: the certificate is left over
	Problem     string // why the slot cannot be used, or what is odd about it
}

// Slot returns what a slot holds.
func (t *Token) Slot(slot Slot) (SlotInfo, bool) {
	for _, info := range t.Slots {
		if info.Slot == slot {
			return info, true
		}
	}
	return SlotInfo{}, false
}

// Name is how a person knows the card, and no other card that has a number is
// called: "YubiKey 12345678", "PIV card 7000-0001-000042", "PIV card 3f2a91c0".
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

// Expired says whether the slot's certificate is out of its time at now. A
// slot without a certificate never is.
func (s SlotInfo) Expired(now time.Time) bool {
	return s.Certificate != nil && (now.Before(s.Certificate.NotBefore) || now.After(s.Certificate.NotAfter))
}

// Extended key usages that PIV certificates carry and crypto/x509 does not
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

// EKU lists the certificate's extended key usages by name, or by number where
// there is none.
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
