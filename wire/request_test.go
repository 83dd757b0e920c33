package wire

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// requests has every request of RFC 9987 at least once. It seeds the fuzz tests.
var requests = []Request{
	RequestIdentities{},
	SignRequest{[]byte("blob"), []byte("data"), FlagRSASHA2_512},
	AddIdentity{KeyType: "ssh-ed25519", Private: ed25519Fields, Comment: "me@here"},
	AddIdentity{KeyType: "ssh-ed25519", Private: ed25519Fields, Constrained: true, Constraints: []Constraint{
		{Type: ConstrainLifetime, Lifetime: 60}, {Type: ConstrainConfirm},
		{Type: ConstrainExtension, Name: ExtRestrictDestination, Contents: appendBytes(nil, "x")},
		{Type: ConstrainExtension, Name: ExtSKProvider, Contents: appendBytes(nil, "/usr/lib/sk.so")},
	}},
	AddIdentity{KeyType: "sk-ssh-ed25519@openssh.com", Private: append(appendBytes(appendBytes(nil, "A"), "ssh:"), append([]byte{1}, make([]byte, 8)...)...)},
	AddIdentity{KeyType: ssh.CertAlgoSKECDSA256v01, Private: append(appendBytes(appendBytes(nil, "certificate"), "ssh:"), append([]byte{1}, make([]byte, 8)...)...)},
	RemoveIdentity{[]byte("blob")},
	RemoveAllIdentities{},
	AddSmartcardKey{ReaderID: "/usr/lib/p11.so", PIN: []byte("1234")},
	AddSmartcardKey{ReaderID: "/usr/lib/p11.so", PIN: []byte("1234"), Constrained: true, Constraints: []Constraint{
		{Type: ConstrainExtension, Name: ExtAssociatedCerts, Contents: append([]byte{1}, appendBytes(nil, "certs")...)}}},
	RemoveSmartcardKey{"/usr/lib/p11.so", []byte{}},
	Lock{[]byte("secret")},
	Unlock{[]byte("secret")},
	Extension{ExtQuery, []byte{}},
	Extension{ExtSessionBind, SessionBind{[]byte("key"), []byte("id"), []byte("sig"), true}.Marshal()},
	Unknown{24, []byte("anything")},
}

var ed25519Fields = appendBytes(appendBytes(nil, "public half"), "private and public half")

func TestRequestsRoundTrip(t *testing.T) {
	for _, want := range requests {
		got, err := ParseRequest(want.Marshal())
		if err != nil {
			t.Errorf("%T: %v", want, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %#v\nwant %#v", got, want)
		}
	}
}

func TestTruncatedRequestsAreMalformed(t *testing.T) {
	for _, whole := range requests {
		switch whole.(type) {
		case Unknown, RequestIdentities, RemoveAllIdentities:
			continue // any rest is good, or there is none to cut
		}
		message := whole.Marshal()
		if e, ok := whole.(Extension); ok {
			message = message[:len(message)-len(e.Contents)] // another parser reads the contents
		}
		for n := 1; n < len(message); n++ {
			cut, err := ParseRequest(message[:n])
			// Cut between two constraints, it is a complete message with fewer.
			if err == nil && !bytes.Equal(cut.Marshal(), message[:n]) {
				t.Fatalf("%T cut to %d bytes of %d was taken for %#v", whole, n, len(message), cut)
			}
			if err != nil && !errors.Is(err, ErrMalformed) {
				t.Fatalf("%T cut to %d: %v", whole, n, err)
			}
		}
	}
}

func TestTrailingBytesAreMalformed(t *testing.T) {
	for _, request := range []Request{RequestIdentities{}, Lock{[]byte("x")}, requests[1], requests[2]} {
		if _, err := ParseRequest(append(request.Marshal(), 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%T with a byte too many: %v", request, err)
		}
	}
}

func TestConstraintsThatCannotBeKeptAreRefused(t *testing.T) {
	base := AddIdentity{KeyType: "ssh-ed25519", Private: ed25519Fields, Constrained: true}
	lifetime := []byte{1, 0, 0, 0, 9}
	for _, test := range []struct {
		name, why string
		bytes     []byte
	}{
		{"repeated lifetime", "repeated", append(bytes.Clone(lifetime), lifetime...)},
		{"repeated confirm", "repeated", []byte{2, 2}},
		{"repeated extension", "repeated", bytes.Repeat(appendConstraints(nil, []Constraint{{Type: ConstrainExtension, Name: ExtSKProvider, Contents: appendBytes(nil, "a")}}), 2)},
		{"lifetime of nothing", "0 seconds", []byte{1, 0, 0, 0, 0}},
		{"cut lifetime", "truncated", lifetime[:3]},
		{"max-signs of old", "not known", []byte{3, 0, 0, 0, 1}},
		{"unknown extension", "not known", append([]byte{255}, appendBytes(appendBytes(nil, "x@y"), "")...)},
	} {
		_, err := ParseRequest(append(base.Marshal(), test.bytes...))
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), test.why) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := ParseRequest(append(base.Marshal(), append(lifetime, 2)...)); err != nil {
		t.Errorf("lifetime and confirm, once each: %v", err)
	}
}

func TestUnknownKeyTypeIsRefused(t *testing.T) {
	add := AddIdentity{KeyType: "ssh-new", Private: ed25519Fields}
	if _, err := ParseRequest(add.Marshal()); err == nil || !strings.Contains(err.Error(), `the type "ssh-new" are not supported`) {
		t.Error(err)
	}
}

// FuzzParseRequest: whatever parses must marshal to the same bytes, so that nothing in
// a message is overlooked.
func FuzzParseRequest(f *testing.F) {
	if len(requests) == 0 {
		f.Fatal("no seeds")
	}
	for _, request := range requests {
		f.Add(request.Marshal())
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		request, err := ParseRequest(message)
		if err != nil {
			return
		}
		if again := request.Marshal(); !bytes.Equal(again, message) {
			t.Fatalf("%x\nparsed and marshalled: %x", message, again)
		}
	})
}
