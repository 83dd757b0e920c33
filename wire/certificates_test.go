package wire

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// certificateLists are complete lists, which seed the fuzz test.
var certificateLists = []AssociatedCerts{{}, {Only: true, Blobs: [][]byte{[]byte("one"), []byte("two")}}}

func TestAssociatedCertsRoundTrip(t *testing.T) {
	for _, want := range certificateLists {
		if got, err := ParseAssociatedCerts(want.Marshal()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	whole := certificateLists[1].Marshal()
	many := AssociatedCerts{Blobs: slices.Repeat([][]byte{nil}, MaxCertificates)}
	if _, err := ParseAssociatedCerts(many.Marshal()); err != nil {
		t.Errorf("as many as may be: %v", err)
	}
	many.Blobs = append(many.Blobs, nil)
	for name, contents := range map[string][]byte{
		"cut": whole[:len(whole)-1], "trailing": append(bytes.Clone(whole), 0), "empty": nil,
		"neither true nor false": append([]byte{2}, whole[1:]...), "cut within": append([]byte{0}, appendBytes(nil, "\x00\x00")...),
		"more than 1024": many.Marshal(),
	} {
		if _, err := ParseAssociatedCerts(contents); !errors.Is(err, ErrMalformed) || name[0] == 'm' && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParseAssociatedCerts: whatever parses marshals to a list with the same meaning.
func FuzzParseAssociatedCerts(f *testing.F) {
	if len(certificateLists) == 0 {
		f.Fatal("no seeds")
	}
	for _, list := range certificateLists {
		f.Add(list.Marshal())
	}
	f.Fuzz(func(t *testing.T, contents []byte) {
		list, err := ParseAssociatedCerts(contents)
		if err == nil && !bytes.Equal(list.Marshal(), contents) {
			t.Fatalf("%x\nparsed and marshalled: %x", contents, list.Marshal())
		}
	})
}
