package pivtest

import (
	"encoding/hex"
	"strings"
	"testing"
)

// FuzzTransmit: whatever comes, the card answers with a status word, and does
// not sign without the PIN.
func FuzzTransmit(f *testing.F) {
	seeds := []string{selectPIV, rightPIN[:10] + "313131313131ffff", "00fd000000", "00cb3fff055c035fc10500", "00cb3fff0000055c035fc1050000",
		"10cb3fff025c03", "00c0000000", "0087119a047c028200", "00870a9b047c028000", "0087039b047c028100", "00f99a0000",
		"00db3fff0c5c035fff0053050102030405", "0047009c05ac03800111", "00f7009b00", "00fb0000", "0024008110"}
	addSeeds(f, seeds)
	yubikey := NewCard(f, YubiKey5())
	government := NewCard(f, GovernmentPIV())
	if _, err := yubikey.Provision(0x9a, AlgP256, Policy{}); err != nil {
		f.Fatal(err)
	}
	choose, _ := hex.DecodeString(selectPIV)
	f.Fuzz(func(t *testing.T, apdu []byte) {
		for _, c := range []*Card{yubikey, government} {
			c.PowerOn()
			c.SetTries(3, 3)
			for _, b := range [][]byte{choose, apdu, apdu} {
				answer, err := c.Transmit(b)
				if err != nil || len(answer) < 2 {
					t.Fatalf("%x: %x, %v", b, answer, err)
				}
			}
		}
		if yubikey.Counts().Signatures > 0 {
			t.Fatalf("%x signed", apdu)
		}
	})
}

// FuzzTLV: what was read is written again as it was, but for longer lengths.
func FuzzTLV(f *testing.F) {
	addSeeds(f, []string{"7e00", "5c035fc105", "7f498186", "5382012c", "5f2f024000", "70820003010203",
		"538180" + strings.Repeat("aa", 128), "53820100" + strings.Repeat("aa", 256)})
	f.Fuzz(func(t *testing.T, b []byte) {
		tag, value, rest, ok := readTLV(b)
		if !ok {
			return
		}
		again, v, r, ok := readTLV(append(tlv(tag, value), rest...))
		if !ok || again != tag || string(v) != string(value) || string(r) != string(rest) {
			t.Fatalf("%x: %x %x %x", b, again, v, r)
		}
	})
}

func addSeeds(f *testing.F, seeds []string) {
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}
