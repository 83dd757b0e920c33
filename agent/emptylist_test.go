package agent

import (
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
