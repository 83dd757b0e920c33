package platform

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// The ancestors of a client may be those that another one had a moment ago, if they are older than
// the client; the client itself is looked at each time.
func TestPeersLookAtCommonAncestorsOnce(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	conn := accept(t, l, self(t, "exec", path))
	var peers Peers
	look := func() Peer {
		peer, err := peers.PeerOf(conn)
		if err != nil {
			t.Fatal(err)
		}
		return peer
	}
	first := look()
	if len(first.Parents) == 0 {
		t.Skip("this process has no ancestor but the first process")
	}
	if again := look(); !reflect.DeepEqual(again, first) || &again.Args[0] != &first.Args[0] || &again.Parents[0] != &first.Parents[0] {
		t.Errorf("the same client is stored twice: %+v, %+v", first, again)
	}
	parent := first.Parents[0].PID
	remembered := func(start uint64, read time.Time) {
		peers.chains[parent] = newChain([]sighting{{Process: Process{PID: parent, Start: start, Name: "remembered"}}}, read)
	}
	now := time.Now().Add(time.Hour) // the test may take long
	for _, test := range []struct {
		what  string
		start uint64
		read  time.Time
		want  bool
	}{
		{"read a moment ago", first.Parents[0].Start, now, true},
		{"younger than the client", first.Start + 1, now, false},
		{"read long ago", first.Parents[0].Start, time.Now().Add(-chainTime), false},
	} {
		remembered(test.start, test.read)
		if got := look().Parents[0].Name == "remembered"; got != test.want {
			t.Errorf("%s: taken from another look: %v", test.what, got)
		}
	}
	if _, err := conn.Write([]byte("12")); err != nil { // the second byte comes back from the cat
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if after := look(); after.Executable == first.Executable {
		t.Errorf("the program of before is remembered: %+v", after)
	}
}
