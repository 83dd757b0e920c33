package agent

import (
	"testing"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// TestRelay: a program that logs in without a bind, and then has a connection
// that is bound, forwards its agent to somebody.
func TestRelay(t *testing.T) {
	h := newHost(t)
	r := newRig(t, policy.Rule{Name: "all", Action: policy.Allow})
	blob := r.source.Info().Blob
	before := r.destinationOf(t, loginData("s1", "git", blob, h.blob()), h.bind("s1", false))
	if before.Forwarded || before.Relayed || before.Trust != keys.TrustNew {
		t.Fatalf("a client that binds: %+v", before)
	}
	if d := r.destinationOf(t, loginData("s2", "git", blob, nil)); d.Forwarded || d.Trust.Proved() {
		t.Fatalf("one that does not: %+v", d)
	}
	c := r.connect()
	c.ask(h.bind("s3", false))
	data := loginData("s3", "git", blob, h.blob())
	if reply := c.ask(r.sign(data)); reply != wire.Reply(wire.Failure) {
		t.Errorf("a rule without forwarded allowed it: %#v", reply)
	}
	if d := r.last().Destination; !d.Forwarded || !d.Relayed || d.Trust != keys.TrustNew {
		t.Errorf("its bound connection: %+v", d)
	}
	if reply := c.ask(r.sign(loginData("s3", "git", blob, nil))); reply != wire.Reply(wire.Failure) {
		t.Errorf("%#v", reply)
	}
	if d := r.last().Destination; d.Trust.Proved() {
		t.Errorf("a login that names no host key: %+v", d)
	}
	use := &keys.Use{Op: keys.OpSign, Key: r.source.Info(), Purpose: wire.Purpose{Kind: wire.KindLogin, User: "git"}, Destination: keys.Destination{
		Trust: keys.TrustVerified, Host: keys.Host{Fingerprint: "SHA256:x"}, Forwarded: true, Relayed: true}}
	use.Peer.Identified, use.Peer.Executable = true, "/usr/bin/python3"
	asked := policy.Decision{Action: policy.Ask, Remember: policy.MaxRemember, Forwarded: true}
	if policy.Offer(use, asked) != 0 {
		t.Error("a grant was offered")
	}
	if use.Destination.Relayed = false; policy.Offer(use, asked) == 0 {
		t.Error("none is offered for a forwarded one either")
	}
}

func TestUnboundHasALimit(t *testing.T) {
	var u unbound
	for pid := range maxUnbound + 10 {
		u.add(program{"1000", pid, 1})
		u.add(program{"1000", pid, 1})
	}
	if len(u.order) != maxUnbound || len(u.set) != maxUnbound || u.has(program{"1000", 9, 1}) || !u.has(program{"1000", maxUnbound + 9, 1}) {
		t.Errorf("%d and %d are remembered", len(u.order), len(u.set))
	}
}
