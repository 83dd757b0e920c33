package agent

import (
	"net"
	"sync/atomic"
	"testing"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// A program that only opens and closes connections costs no look into /proc, and one that
// asks is looked at once.
func TestOnlyARequestIsLookedAt(t *testing.T) {
	var looks, calls atomic.Int64
	r := newRigWith(t, func(c *Config) {
		c.PeerOf = func(conn net.Conn) (platform.Peer, error) { looks.Add(1); return platform.PeerOf(conn) }
		c.CallerOf = func(conn net.Conn) (platform.Peer, error) { calls.Add(1); return platform.CallerOf(conn) }
	}, allowAll)
	for range 10 {
		r.connect().conn.Close()
	}
	c := r.connect()
	for range 2 {
		if _, ok := c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok {
			t.Fatal("no list")
		}
	}
	if calls.Load() != 11 || looks.Load() != 1 {
		t.Errorf("of 11 connections %d were checked and %d looked at, want 11 and 1", calls.Load(), looks.Load())
	}
}
