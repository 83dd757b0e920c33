package pivtest

// A Character is what makes one make of PIV card differ from another.
type Character struct {
	Name string
	ATR  []byte
	// T0: the protocol is T=0: short APDUs only, answers to be fetched with
	// GET RESPONSE, 6Cxx for any other Le than the right one.
	T0 bool
	// Yubico: has Yubico's own instructions and policies.
	Yubico bool
	// Firmware is a YubiKey's version: major, minor, patch.
	Firmware [3]byte
	// GlobalPIN: the PIN is the card's (key reference 00), not the application's (80).
	GlobalPIN bool
	// Gzip: certificates are stored compressed (CertInfo 01).
	Gzip bool
	// ByTheBook: SP 800-73 to the letter where YubiKeys are not: selecting PIV
	// again keeps what was verified, PIN Always means the very command before,
	// a PIN has six to eight digits, the last wrong try answers 63C0.
	ByTheBook bool
	// Algorithms are those of keys that it can hold (SP 800-78, table 6-2).
	Algorithms []byte
	// Others are AIDs of other applications on the card. Selecting one ends PIV's session.
	Others [][]byte
	// ManagementKey is the algorithm of the card management key (9B) when new.
	ManagementKey byte
}

// YubiKey5 is a YubiKey 5 with firmware 5.7.1, as it leaves the factory:
// PIN 123456, PUK 12345678, management key 0102…08 three times (AES-192),
// no key but the attestation key.
func YubiKey5() Character {
	return Character{
		Name: "yubikey",
		// The real one: T=1, historical bytes "YubiKey".
		ATR: []byte{0x3b, 0xfd, 0x13, 0x00, 0x00, 0x81, 0x31, 0xfe, 0x15, 0x80, 0x73, 0xc0,
			0x21, 0xc0, 0x57, 0x59, 0x75, 0x62, 0x69, 0x4b, 0x65, 0x79, 0x40},
		Yubico:        true,
		Firmware:      [3]byte{5, 7, 1}, // the first with Ed25519 and RSA-4096 is 5.7
		Algorithms:    []byte{AlgRSA1024, AlgRSA2048, AlgRSA3072, AlgRSA4096, AlgP256, AlgP384, AlgEd25519},
		ManagementKey: AlgAES192,
		Others: [][]byte{
			[]byte(aidManagement),
			[]byte(aidOTP),
			[]byte("\xa0\x00\x00\x05\x27\x21\x01"),     // OATH
			[]byte("\xa0\x00\x00\x06\x47\x2f\x00\x01"), // FIDO
			[]byte("\xd2\x76\x00\x01\x24\x01"),         // OpenPGP
		},
	}
}

// YubiKey5TDES is a YubiKey5 whose management key is 3DES, as before 5.7:
// Debian 12's yubico-piv-tool knows no other.
func YubiKey5TDES() Character {
	c := YubiKey5()
	c.Name, c.ManagementKey = "yubikey-3des", Alg3DES
	return c
}

// YubiKey4 is a YubiKey 4 with firmware 4.3.7: it has neither metadata nor a
// serial number in its PIV application (its OTP application tells it), no
// Ed25519, no long RSA keys, and a 3DES management key.
func YubiKey4() Character {
	c := YubiKey5()
	c.Name, c.ManagementKey, c.Firmware = "yubikey-4", Alg3DES, [3]byte{4, 3, 7}
	c.Algorithms = []byte{AlgRSA1024, AlgRSA2048, AlgP256, AlgP384}
	return c
}

// since tells whether the firmware is this or newer.
func (c Character) since(major, minor byte) bool {
	return c.Firmware[0] > major || c.Firmware[0] == major && c.Firmware[1] >= minor
}

// GovernmentPIV is a plain PIV card as a government issues it: T=0, global PIN
// 123456, gzip certificates, no instruction beyond the standard. It is issued
// with keys in 9A, 9C, 9D, 9E and 82, CHUID, CCC and key history.
func GovernmentPIV() Character {
	return Character{
		Name: "government",
		// No TD1: T=0. Not one of OpenSC's known cards: 3B80800101 hides EC there.
		ATR:           append([]byte{0x3b, 0x69, 0x00, 0x00}, "PIVTEST-0"...),
		T0:            true,
		GlobalPIN:     true,
		Gzip:          true,
		ByTheBook:     true,
		Algorithms:    []byte{AlgRSA2048, AlgP256, AlgP384},
		ManagementKey: Alg3DES,
		Others:        [][]byte{[]byte("\xa0\x00\x00\x01\x51\x00\x00")}, // the card manager
	}
}

// CharacterNamed finds a character by its Name.
func CharacterNamed(name string) (Character, bool) {
	for _, c := range []Character{YubiKey5(), YubiKey5TDES(), YubiKey4(), GovernmentPIV()} {
		if c.Name == name {
			return c, true
		}
	}
	return Character{}, false
}

// pinReference is the key reference of the PIN (SP 800-73-5 part 1, table 6).
func (c Character) pinReference() byte {
	if c.GlobalPIN {
		return refGlobalPIN
	}
	return refPIN
}
