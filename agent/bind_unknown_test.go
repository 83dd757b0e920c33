package agent

import (
	"math/big"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

func unknownBind(blob []byte, session string, forwarding bool) wire.Extension {
	signature := ssh.Marshal(ssh.Signature{Format: "whatever", Blob: []byte("x")})
	return wire.Extension{Name: wire.ExtSessionBind, Contents: wire.SessionBind{
		HostKey: blob, SessionID: []byte(session), Signature: signature, Forwarding: forwarding}.Marshal()}
}

// hostKeys that x/crypto does not parse, and one that is broken.
var (
	futureKey = ssh.Marshal(struct{ Type, Key string }{"ssh-future@example.com", "k"})
	largeRSA  = ssh.Marshal(struct {
		Type string
		E, N *big.Int
	}{"ssh-rsa", new(big.Int).SetBit(big.NewInt(1), 33, 1), new(big.Int).SetBit(big.NewInt(1), 2047, 1)})
	brokenKey = ssh.Marshal(struct{ Type, Key string }{ssh.KeyAlgoED25519, "short"})
)

// A bind that fails for its kind of host key alone proves nothing, and is read
// for what it says of forwarding. Its twins are the same without it.
func TestBindOfAnUnknownKindOfHostKey(t *testing.T) {
	h, hop := newHost(t), newHost(t)
	bindings := func(list ...wire.Extension) []wire.Extension { return list }
	for _, test := range []struct {
		name      string
		binds     []wire.Extension
		forwarded bool
		trust     keys.Trust
		why       string
	}{
		{"none", nil, false, keys.TrustNone, "did not bind"},
		{"of a login", bindings(unknownBind(futureKey, "s", false)), false, keys.TrustNone, "not known: ssh-future@example.com"},
		{"RSA with a large exponent", bindings(unknownBind(largeRSA, "s", false)), false, keys.TrustNone, "not known: ssh-rsa"},
		{"of a hop", bindings(unknownBind(futureKey, "s1", true)), true, keys.TrustNone, "not known: ssh-future@example.com"},
		{"of a hop, and a login from there", bindings(unknownBind(futureKey, "s1", true), h.bind("s", false)), true, keys.TrustNew, ""},
		{"of a login behind a hop", bindings(hop.bind("s1", true), unknownBind(futureKey, "s", false)), true, keys.TrustNone, "not known"},
		{"a broken key of a known kind", bindings(unknownBind(brokenKey, "s", false)), true, keys.TrustNone, "session-bind: host key"},
		{"a login, and one unknown after it", bindings(h.bind("s", false), unknownBind(futureKey, "s2", true)), true, keys.TrustNone, "bound to a login already"},
	} {
		r := newRig(t)
		local, forwarded, yes := allowAll, allowAll, true
		local.Name, forwarded.Name, forwarded.Forwarded = "local", "forwarded", &yes
		r.setRules(local, forwarded)
		d := r.destinationOf(t, loginData("s", "git", r.source.Info().Blob, h.blob()), test.binds...)
		want := "local"
		if test.forwarded {
			want = "forwarded"
		}
		if rule := r.last().Rule; rule != want || d.Forwarded != test.forwarded || d.Trust != test.trust || !strings.Contains(d.Why, test.why) {
			t.Errorf("%s: by rule %s: %+v", test.name, rule, d)
		}
	}
}

// A hop whose key is unknown is one all the same: nothing is a way through it.
func TestUnknownHopKeepsConstraints(t *testing.T) {
	h := newHost(t)
	for _, unknown := range []bool{false, true} {
		r := newRig(t, allowAll)
		r.allowForwarded()
		c := r.connect()
		blob, _ := c.constrained(wire.DestinationConstraint{To: h.hop("box", "")})
		c = r.connect()
		if unknown {
			c.ask(unknownBind(futureKey, "s1", true))
		}
		if reply := c.ask(h.bind("s", false)); reply != wire.Success {
			t.Fatalf("%#v", reply)
		}
		_, signed := c.ask(wire.SignRequest{KeyBlob: blob, Data: loginData("s", "git", blob, h.blob())}).(wire.SignResponse)
		if reason := r.last().Reason; signed == unknown || unknown && !strings.Contains(reason, "destination constraint") {
			t.Errorf("unknown hop %v: signed %v, %s", unknown, signed, reason)
		}
		if c.lists(blob) == unknown {
			t.Errorf("unknown hop %v: listed %v", unknown, !unknown)
		}
	}
}

// An allow rule that names a host never takes such a bind for its proof.
func TestUnknownBindAllowsNoHostRule(t *testing.T) {
	h := newHost(t)
	path := hostsText(t, h.line("box"))
	rule := policy.Rule{Name: "box", Host: "box", Action: policy.Allow}
	for _, test := range []struct {
		bind wire.Extension
		want bool
	}{{h.bind("s", false), true}, {unknownBind(futureKey, "s", false), false}} {
		r := newRigWith(t, func(c *Config) { c.Hosts = NewKnownHosts(path) }, rule)
		c := r.connect()
		c.ask(test.bind)
		if _, signed := c.ask(r.sign(loginData("s", "git", r.source.Info().Blob, h.blob()))).(wire.SignResponse); signed != test.want {
			t.Errorf("%v: %+v", test.want, r.last())
		}
	}
}
