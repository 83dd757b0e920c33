package agent

import (
	"bytes"
	"net"
	"testing"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// A list without keys is answered before it is known who asks, and recorded with who that was. A
// list with keys waits: rules may hide them from this program.
func TestAnEmptyListIsAnsweredFirst(t *testing.T) {
	look := make(chan struct{})
	peerOf := func(c *Config) {
		c.PeerOf = func(conn net.Conn) (platform.Peer, error) { <-look; return platform.PeerOf(conn) }
	}
	empty := newRigWith(t, func(c *Config) { peerOf(c); c.Ring = keys.NewRing() })
	full := newRigWith(t, peerOf)
	waits := full.connect()
	waits.send(wire.RequestIdentities{})
	c := empty.connect()
	if list, ok := c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok || len(list.Identities) != 0 {
		t.Fatalf("%#v", list)
	}
	if n := len(empty.records(keys.OpList)); n != 0 {
		t.Fatalf("%d records before it is known who asks", n)
	}
	if full.server.listSize.Load() != 0 {
		t.Error("a list with a key did not wait until it was known who asks")
	}
	close(look)
	if list, ok := waits.receive().(wire.IdentitiesAnswer); !ok || len(list.Identities) != 1 {
		t.Errorf("%#v", list)
	}
	empty.waitFor(func() bool { return len(empty.records(keys.OpList)) == 1 })
	if last := empty.last(); last.Peer == nil || last.Peer.Program == "" {
		t.Errorf("the record does not name the program: %+v", last)
	}
	c.ask(wire.RequestIdentities{})
	c.ask(wire.RequestIdentities{})
	if n := len(empty.records(keys.OpList)); n != 1 {
		t.Errorf("%d records of one connection", n)
	}
}

// A locked agent without keys says so without a record, as one with keys does.
func TestAnEmptyListOfALockedAgentHasNoRecord(t *testing.T) {
	r := newRigWith(t, func(c *Config) { c.Ring = keys.NewRing() })
	c := r.connect()
	if c.ask(wire.Lock{Passphrase: []byte("x")}) != wire.Success {
		t.Fatal("not locked")
	}
	for range 2 { // the second answer comes after what the first one wrote
		if list, ok := c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok || len(list.Identities) != 0 {
			t.Fatalf("%#v", list)
		}
	}
	if n := len(r.records(keys.OpList)); n != 0 {
		t.Errorf("%d records of lists while the agent was locked", n)
	}
	c.ask(wire.Unlock{Passphrase: []byte("x")})
	c.ask(wire.RequestIdentities{})
	r.waitFor(func() bool { return len(r.records(keys.OpList)) == 1 })
}

// What is to be listed first is listed by an agent without keys, too.
func TestAnEmptyListHasTheKeyToBeListedFirst(t *testing.T) {
	by := platform.Process{PID: 7, Start: 1}
	r := newRigWith(t, func(c *Config) {
		c.Ring = keys.NewRing()
		c.PeerOf = func(conn net.Conn) (platform.Peer, error) {
			peer, err := platform.PeerOf(conn)
			peer.Args, peer.Parents = []string{"ssh", "-i", "/run/a.pub"}, []platform.Process{by}
			return peer, err
		}
	})
	blob := numberedKey(t, 1).Marshal()
	withdraw, err := r.server.ListFirst(platform.Peer{Identified: true, Process: by}, blob, "/run/a.pub")
	if err != nil {
		t.Fatal(err)
	}
	list, ok := r.connect().ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer)
	if !ok || len(list.Identities) != 1 || !bytes.Equal(list.Identities[0].KeyBlob, blob) {
		t.Errorf("%#v", list)
	}
	withdraw()
	if list, ok := r.connect().ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok || len(list.Identities) != 0 {
		t.Errorf("withdrawn: %#v", list)
	}
}
