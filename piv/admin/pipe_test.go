package admin

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/piv"
)

func allocate(n int) []byte { return make([]byte, n) }

func TestPipe(t *testing.T) {
	want := Request{Op: OpGenerate, Reader: "Reader 00 00", Serial: 7, Slot: piv.SlotSignature, Algorithm: piv.Ed25519,
		PINPolicy: piv.PINOnce, TouchPolicy: piv.TouchCached, PINTries: 3, PUKTries: 4,
		Secrets: Secrets{ManagementKey: []byte("management"), PIN: []byte("123\x00\"4")}}
	var pipe bytes.Buffer
	if err := writeRequest(&pipe, want); err != nil {
		t.Fatal(err)
	}
	whole := bytes.Clone(pipe.Bytes())
	if got, err := readRequest(&pipe, allocate); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for n := range whole {
		if _, err := readRequest(bytes.NewReader(whole[:n]), allocate); err == nil {
			t.Errorf("a request was read from its first %d bytes", n)
		}
	}
	if err := writeRequest(&pipe, Request{Secrets: Secrets{PIN: make([]byte, maxSecret+1)}}); err == nil {
		t.Error("a secret of any length is taken")
	}
	huge := append([]byte{0xFF, 0xFF, 0xFF, 0xFF}, whole...)
	if _, err := readRequest(bytes.NewReader(huge), allocate); err == nil {
		t.Error("a request of 4 GiB is read")
	}
}

func TestNewPIN(t *testing.T) {
	for _, test := range []struct {
		pin    string
		digits bool
		words  string // "": it is good
	}{
		{"654321", true, ""}, {"08154711", true, ""}, {"corr ect", false, ""},
		{"12345", false, "6 to 8"}, {"", false, "6 to 8"}, {"123456789", false, "6 to 8"},
		{"123456", false, "every YubiKey"}, {"12345678", false, "every YubiKey"},
		{"777777", false, "repeated character"}, {"aaaaaaaa", false, "repeated character"},
		{"65432a", true, "only digits"}, {"65432\xc3\xa4", false, "ASCII"}, {"65432\n", false, "ASCII"},
	} {
		err := CheckNewPIN([]byte(test.pin), test.digits)
		if (err == nil) != (test.words == "") || err != nil && !strings.Contains(err.Error(), test.words) {
			t.Errorf("%q: %v, want %q", test.pin, err, test.words)
		}
	}
	if err := CheckNewPUK([]byte("12345678")); err == nil || !strings.Contains(err.Error(), "every YubiKey") {
		t.Error(err)
	}
}
