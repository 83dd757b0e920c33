package piv

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestTLV(t *testing.T) {
	for _, size := range []int{0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF} {
		for _, want := range []tag{0x53, 0x5C, 0x7E, 0x5F2F, 0x7F49, 0x5FC105} {
			value := bytes.Repeat([]byte{0xA5}, size)
			got, read, rest, err := readTLV(append(appendTLV(nil, want, value), 0x99))
			if err != nil || got != want || !bytes.Equal(read, value) || len(rest) != 1 {
				t.Errorf("%X of %d: %X of %d, %v", want, size, got, len(read), err)
			}
		}
	}
}

func TestTLVRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":           "",
		"no length":         "53",
		"too short":         "530201",
		"no end of the tag": "5FC1",
		"tag of four bytes": "5FC1818100",
		"length without it": "5381",
		"length cut":        "538201",
		"indefinite length": "53800000",
		"length of five":    "538500000000 01FF",
	} {
		if _, _, _, err := readTLV(unhex(t, text)); !errors.Is(err, errTLV) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFindIgnoresPadding(t *testing.T) {
	value, ok := find(unhex(t, "7101003402AABBFF"), 0x34)
	if !ok || !bytes.Equal(value, []byte{0xAA, 0xBB}) {
		t.Errorf("%x %v", value, ok)
	}
	if _, ok := find(unhex(t, "710100FFFF3402AABB"), 0x34); ok {
		t.Error("found behind damage")
	}
}

// FuzzTLV: what is read stays within the input, and writing it gives the same
// element back.
func FuzzTLV(f *testing.F) {
	seeds := []string{"53820003700100", "7E124F0BA0000003080000100001005F2F026010", "5FC10500", "8281", ""}
	for _, seed := range seeds {
		f.Add(unhex(f, seed))
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for rest := data; len(rest) > 0; {
			got, value, next, err := readTLV(rest)
			if err != nil {
				return
			}
			again, same, _, err := readTLV(appendTLV(nil, got, value))
			if err != nil || again != got || !bytes.Equal(same, value) || len(next) >= len(rest) {
				t.Fatalf("%X %x: %X %x %v", got, value, again, same, err)
			}
			rest = next
		}
	})
}

// FuzzObjects: no object of a card stops us, eats our memory or leaks control
// characters.
func FuzzObjects(f *testing.F) {
	seeds := []string{
		"3019D4E739DA739CED39CE739D836858210842108421C842108421384210F43410AABBCCDDEEFF00112233445566778899350832303330303130313E00FE00",
		"70023000710100FE00", "70021F8B710101FE00", "5F2F0260204F00", "C10105C20100FE00",
		"010111020202010301010441860104050100060203FF", "500A4B6579626F6F00FF0A5C", "",
	}
	for _, seed := range seeds {
		f.Add(unhex(f, seed))
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		parseCHUID(data)
		FASCNString(data)
		if cert, err := parseCertificateObject(data); err == nil && len(cert.DER) > maxCertificate+len(data) {
			t.Errorf("certificate of %d bytes", len(cert.DER))
		}
		_, _ = parseMetadata(data)
		_ = publicKey(P256, data)
		_ = publicKey(RSA2048, data)
		_, _ = unwrap(data, objectCCC)
		label := labelOf(appendTLV(nil, 0x61, data))
		if len(label) > maxText || strings.ContainsAny(label, "\x00\x1b\n") {
			t.Errorf("label %q", label)
		}
		_ = historical(data)
	})
}
