package agent

import (
	"fmt"
	"testing"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// What is announced holds for that process until it is withdrawn, and is bounded.
func TestAnnounce(t *testing.T) {
	var s Server
	peer := func(pid int, start uint64) platform.Peer {
		return platform.Peer{Identified: true, Process: platform.Process{PID: pid, Start: start}}
	}
	host := func(name string) keys.Host { return keys.Host{Fingerprint: "SHA256:x", Names: []string{name}} }
	withdraw, err := s.Announce(peer(7, 1), []string{"Web1", "web2", "bad\nname", ""})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pid   int
		start uint64
		name  string
		want  int
	}{{7, 1, "web1", 2}, {7, 1, "web2", 2}, {7, 1, "web3", 0}, {7, 1, "bad\nname", 0}, {7, 2, "web1", 0}, {8, 1, "web1", 0}} {
		if got := s.announced.with(policy.Burst{PID: c.pid, Start: c.start}, host(c.name)); len(got) != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if _, err := s.Announce(peer(7, 1), []string{"prod"}); err == nil {
		t.Error("one process announced twice")
	}
	withdraw()
	if got := s.announced.with(policy.Burst{PID: 7, Start: 1}, host("web1")); got != nil {
		t.Errorf("withdrawn, and still %v", got)
	}
	for i := range maxAnnouncements {
		if _, err := s.Announce(peer(100+i, 1), []string{"a"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Announce(peer(99, 1), []string{"a"}); err == nil {
		t.Error("there is no limit")
	}
	var many []string
	for i := range policy.MaxAnnounced + 1 {
		many = append(many, fmt.Sprint("h", i))
	}
	for what, try := range map[string]struct {
		peer  platform.Peer
		names []string
	}{"too many": {peer(1, 1), many}, "not identified": {platform.Peer{}, nil}, "a container": {platform.Peer{Identified: true, Container: true, Process: platform.Process{PID: 1, Start: 1}}, nil}} {
		if _, err := new(Server).Announce(try.peer, try.names); err == nil {
			t.Errorf("announced: %s", what)
		}
	}
}
