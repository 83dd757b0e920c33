package piv

import (
	"fmt"
	"strconv"
)

// Slot is a key reference (SP 800-73-4 part 1 table 4b).
type Slot byte

// The slots with a defined purpose. 82 to 95 hold retired keys.
const (
	SlotAuthentication     Slot = 0x9A // log in: PIN once
	SlotSignature          Slot = 0x9C // sign documents: PIN each time
	SlotKeyManagement      Slot = 0x9D // decrypt: PIN once
	SlotCardAuthentication Slot = 0x9E // doors: no PIN

	slotFirstRetired Slot = 0x82
	slotLastRetired  Slot = 0x95
	slotAttestation  Slot = 0xF9 // Yubico: the key that signs attestations
)

// Slots lists every slot that can sign, those for authentication first: clients try
// keys in this order.
func Slots() []Slot {
	all := []Slot{SlotAuthentication, SlotCardAuthentication, SlotSignature, SlotKeyManagement}
	for s := slotFirstRetired; s <= slotLastRetired; s++ {
		all = append(all, s)
	}
	return all
}

// Valid reports whether s is one of Slots.
func (s Slot) Valid() bool { return s.object() != 0 }

// Retired reports whether s is one of the 20 slots for retired keys.
func (s Slot) Retired() bool { return s >= slotFirstRetired && s <= slotLastRetired }

// String is the key reference in hexadecimal, as other tools write it: "9a".
func (s Slot) String() string { return fmt.Sprintf("%02x", byte(s)) }

// MarshalText returns the slot as String does, for JSON.
func (s Slot) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a slot as ParseSlot does.
func (s *Slot) UnmarshalText(text []byte) error {
	slot, err := ParseSlot(string(text))
	*s = slot
	return err
}

// ParseSlot reads a slot as String writes it, in either case.
func ParseSlot(text string) (Slot, error) {
	n, err := strconv.ParseUint(text, 16, 8)
	if slot := Slot(n); err == nil && slot.Valid() {
		return slot, nil
	}
	return 0, fmt.Errorf("no slot %q: write 9a, 9c, 9d, 9e, or 82 to 95", text)
}

// Name is the slot's name in the standard.
func (s Slot) Name() string {
	switch {
	case s == SlotAuthentication:
		return "PIV Authentication"
	case s == SlotSignature:
		return "Digital Signature"
	case s == SlotKeyManagement:
		return "Key Management"
	case s == SlotCardAuthentication:
		return "Card Authentication"
	case s.Retired():
		return fmt.Sprintf("Retired Key Management %d", s-slotFirstRetired+1)
	}
	return "unknown slot " + s.String()
}

// object is the tag of the slot's certificate (SP 800-73-4 part 1 table 3), or 0.
func (s Slot) object() tag {
	switch {
	case s == SlotAuthentication:
		return 0x5FC105
	case s == SlotSignature:
		return 0x5FC10A
	case s == SlotKeyManagement:
		return 0x5FC10B
	case s == SlotCardAuthentication:
		return 0x5FC101
	case s.Retired():
		return 0x5FC10D + tag(s-slotFirstRetired)
	}
	return 0
}

// defaultPIN is the standard's PIN policy for the slot (SP 800-73-4 part 1 table
// 4b). On a YubiKey, each key may have another.
func (s Slot) defaultPIN() PINPolicy {
	switch s {
	case SlotCardAuthentication:
		return PINNever
	case SlotSignature:
		return PINAlways
	}
	return PINOnce
}

// PINPolicy says when a key needs the PIN.
type PINPolicy string

// The PIN policies; the names are Yubico's.
const (
	PINUnknown     PINPolicy = ""
	PINNever       PINPolicy = "never"
	PINOnce        PINPolicy = "once"   // once after the application was selected
	PINAlways      PINPolicy = "always" // right before each signature
	PINMatchOnce   PINPolicy = "match-once"
	PINMatchAlways PINPolicy = "match-always"
)

// TouchPolicy says when a key needs a touch.
type TouchPolicy string

// The touch policies.
const (
	TouchUnknown TouchPolicy = "" // the card does not report it
	TouchNever   TouchPolicy = "never"
	TouchAlways  TouchPolicy = "always"
	TouchCached  TouchPolicy = "cached" // a touch lasts 15 seconds
)
