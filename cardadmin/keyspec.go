package cardadmin

import "github.com/keybroker/keybroker/piv"

// KeySpec is a key to be made on a YubiKey.
type KeySpec struct {
	Slot        piv.Slot
	Algorithm   piv.Algorithm
	PIN         piv.PINPolicy
	Touch       piv.TouchPolicy
	Certificate bool // write a certificate too
	Subject     Subject
}

// keyTypes are the keys that a YubiKey makes, with the firmware that they need.
// RSA-1024 is left out because it is too weak.
var keyTypes = map[string]struct {
	algorithm    piv.Algorithm
	major, minor byte
}{
	"p256": {piv.P256, 4, 0}, "p384": {piv.P384, 4, 0}, "rsa2048": {piv.RSA2048, 4, 0},
	"ed25519": {piv.Ed25519, 5, 7}, "rsa3072": {piv.RSA3072, 5, 7}, "rsa4096": {piv.RSA4096, 5, 7},
}

// ParseKeySpec reads the values of flags: "82", "ed25519". pin and touch are policies;
// the pin policy "" is the slot's default.
func ParseKeySpec(slot, keyType, pin, touch string) (spec KeySpec, err error) {
	if spec.Slot, err = ParseSlot(slot); err != nil {
		return spec, err
	}
	spec.Algorithm, spec.PIN, spec.Touch = keyTypes[keyType].algorithm, piv.PINPolicy(pin), piv.TouchPolicy(touch)
	if spec.PIN == "" {
		spec.PIN = defaultPINPolicy(spec.Slot)
	}
	return spec, nil
}

// defaultPINPolicy is the standard's (SP 800-73-4 part 1 table 4b).
func defaultPINPolicy(slot piv.Slot) piv.PINPolicy {
	switch slot {
	case piv.SlotCardAuthentication:
		return piv.PINNever
	case piv.SlotSignature:
		return piv.PINAlways
	}
	return piv.PINOnce
}
