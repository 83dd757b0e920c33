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

// Where the program was looked at when it connected, as on Windows and macOS, another one that
// has its number at the first request is not taken for it.
func TestAReusedNumberIsNobody(t *testing.T) {
	for name, later := range map[string]uint64{"the same": 0, "another": 1} {
		t.Run(name, func(t *testing.T) {
			r := newRigWith(t, func(c *Config) {
				c.CallerOf = platform.PeerOf
				c.PeerOf = func(conn net.Conn) (platform.Peer, error) {
					peer, err := platform.PeerOf(conn)
					peer.Start += later
					return peer, err
				}
			}, allowAll)
			if _, ok := r.connect().ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok {
				t.Fatal("no list")
			}
			if known := r.last().Peer.PID != 0; known != (later == 0) {
				t.Errorf("the record has %+v", r.last().Peer)
			}
		})
	}
}
