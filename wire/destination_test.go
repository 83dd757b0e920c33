package wire

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var (
	oneHost = Hop{Hostname: "one", Keys: []HopKey{{[]byte("key one"), false}, {[]byte("authority"), true}}}
	twoHost = Hop{User: "git*", Hostname: "two", Keys: []HopKey{{[]byte("key two"), false}}}
)

// destinationLists are complete lists, which seed the fuzz test.
var destinationLists = [][]DestinationConstraint{
	{{To: oneHost}},
	{{To: twoHost}, {From: oneHost, To: twoHost}},
}

func TestDestinationsRoundTrip(t *testing.T) {
	for _, want := range destinationLists {
		got, err := ParseDestinations(marshalDestinations(want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestDestinationsThatCannotBeKeptAreRefused(t *testing.T) {
	list := func(d ...DestinationConstraint) []byte { return marshalDestinations(d) }
	hop := oneHost.marshal()
	raw := func(from, to, reserved []byte) []byte {
		one := slices.Concat(appendBytes(nil, from), appendBytes(nil, to), appendBytes(nil, reserved))
		return appendBytes(nil, appendBytes(nil, one))
	}
	origin := Hop{}.marshal()
	long := twoHost
	long.User = strings.Repeat("x", MaxUserPattern+1)
	fits := twoHost
	fits.User = strings.Repeat("x", MaxUserPattern)
	many := slices.Repeat([]DestinationConstraint{{To: oneHost}}, MaxDestinations)
	for _, test := range []struct {
		name, why string // "" parses: the twin without the fault
		contents  []byte
	}{
		{"good", "", raw(origin, hop, nil)},
		{"reserved of a constraint", "unknown extensions", raw(origin, hop, []byte("x"))},
		{"reserved of a host", "unknown extensions", raw(origin, slices.Concat(appendBytes(nil, ""), appendBytes(nil, "one"), appendBytes(nil, "x")), nil)},
		{"cut host", "a host is truncated", raw(origin, hop[:len(hop)-1], nil)},
		{"neither true nor false", "a host is truncated", raw(origin, append(hop[:len(hop)-1:len(hop)-1], 2), nil)},
		{"none", "permits nothing", list()},
		{"as many as may be", "", list(many...)},
		{"one more", "more than 1024", list(append(many, many[0])...)},
		{"longest pattern", "", list(DestinationConstraint{To: fits})},
		{"longer pattern", "more than 256 bytes", list(DestinationConstraint{To: long})},
		{"user at the source", "its source", list(DestinationConstraint{From: twoHost, To: oneHost})},
		{"source without keys", "its source", list(DestinationConstraint{From: Hop{Hostname: "one"}, To: oneHost})},
		{"source without name", "its source", list(DestinationConstraint{From: Hop{Keys: oneHost.Keys}, To: oneHost})},
		{"no destination", "its destination", list(DestinationConstraint{})},
		{"destination without keys", "its destination", list(DestinationConstraint{To: Hop{Hostname: "one"}})},
		{"something after it", "followed by other data", append(list(DestinationConstraint{To: oneHost}), 0)},
	} {
		_, err := ParseDestinations(test.contents)
		if (err == nil) != (test.why == "") || err != nil && (!errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), test.why)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// FuzzParseDestinations: whatever parses marshals to a list with the same meaning.
func FuzzParseDestinations(f *testing.F) {
	if len(destinationLists) == 0 {
		f.Fatal("no seeds")
	}
	for _, list := range destinationLists {
		f.Add(marshalDestinations(list))
	}
	f.Fuzz(func(t *testing.T, contents []byte) {
		list, err := ParseDestinations(contents)
		if err != nil {
			return
		}
		if again := marshalDestinations(list); !bytes.Equal(again, contents) {
			t.Fatalf("%x\nparsed and marshalled: %x", contents, again)
		}
	})
}

// marshalDestinations gives the contents that ParseDestinations reads.
func marshalDestinations(list []DestinationConstraint) []byte {
	var all []byte
	for _, d := range list {
		constraint := appendBytes(nil, d.From.marshal())
		constraint = appendBytes(constraint, d.To.marshal())
		all = appendBytes(all, appendBytes(constraint, ""))
	}
	return appendBytes(nil, all)
}

func (h Hop) marshal() []byte {
	b := appendBytes(appendBytes(appendBytes(nil, h.User), h.Hostname), "")
	for _, key := range h.Keys {
		b = appendBool(appendBytes(b, key.KeyBlob), key.CA)
	}
	return b
}
