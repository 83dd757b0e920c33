package wire

import (
	"bytes"
	"reflect"
	"testing"
)

var replies = []Reply{
	Failure, Success, ExtensionFailure,
	IdentitiesAnswer{},
	IdentitiesAnswer{[]Identity{{[]byte("blob"), "comment"}, {[]byte{}, ""}}},
	SignResponse{[]byte("signature")},
	QueryResponse(ExtQuery, ExtSessionBind),
}

func TestRepliesRoundTrip(t *testing.T) {
	for _, want := range replies {
		got, err := ParseReply(want.Marshal())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %#v, %v\nwant %#v", got, err, want)
		}
	}
}

func TestBytesBehindAReply(t *testing.T) {
	for _, want := range replies[:6] { // the last one goes on to the end of its message
		message := append(want.Marshal(), "rest"...)
		if reply, err := ParseReply(message); err == nil {
			t.Errorf("%#v is taken", reply)
		}
		if got, rest, err := ReplyAndRest(message); err != nil || string(rest) != "rest" || !reflect.DeepEqual(got, want) {
			t.Errorf("%#v, %q, %v; want %#v", got, rest, err, want)
		}
	}
}

func FuzzParseReply(f *testing.F) {
	if len(replies) == 0 {
		f.Fatal("no seeds")
	}
	for _, reply := range replies {
		f.Add(reply.Marshal())
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		reply, err := ParseReply(message)
		if err == nil && !bytes.Equal(reply.Marshal(), message) {
			t.Fatalf("%x\nparsed and marshalled: %x", message, reply.Marshal())
		}
	})
}
