package agent

import (
	"fmt"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// destinationOf signs a login on a fresh connection after the binds, and
// returns where the audit log says that it went.
func (r *rig) destinationOf(t *testing.T, data []byte, binds ...wire.Extension) *keys.Destination {
	t.Helper()
	c := r.connect()
	for _, bind := range binds {
		c.ask(bind)
	}
	if reply := c.ask(r.sign(data)); !r.verifies(reply, data) {
		t.Fatalf("%#v", reply)
	}
	return r.last().Destination
}

func TestDestinationIsVerifiedOnlyForTheBoundSession(t *testing.T) {
	h, other := newHost(t), newHost(t)
	for _, test := range []struct {
		name  string
		data  func(key []byte) []byte
		binds []wire.Extension
		why   string // "" means verified
	}{
		{"bound", func(k []byte) []byte { return loginData("s1", "git", k, h.blob()) }, []wire.Extension{h.bind("s1", false)}, ""},
		{"bound, older client", func(k []byte) []byte { return loginData("s1", "git", k, nil) }, []wire.Extension{h.bind("s1", false)}, ""},
		{"not bound", func(k []byte) []byte { return loginData("s1", "git", k, nil) }, nil, "did not bind"},
		{"another session", func(k []byte) []byte { return loginData("s2", "git", k, nil) }, []wire.Extension{h.bind("s1", false)}, "another session"},
		{"another host key", func(k []byte) []byte { return loginData("s1", "git", k, other.blob()) }, []wire.Extension{h.bind("s1", false)}, "another host key"},
		{"forwarded, hostbound", func(k []byte) []byte { return loginData("s2", "git", k, h.blob()) },
			[]wire.Extension{other.bind("s1", true), h.bind("s2", false)}, ""},
		// What follows is the attack of a host that the agent is forwarded to: it
		// signs the id of its own session with somebody else.
		{"forwarded, naming no host key", func(k []byte) []byte { return loginData("s2", "git", k, nil) },
			[]wire.Extension{h.bind("s1", true), h.bind("s2", false)}, "behind a forwarded agent only"},
		{"forwarded, naming the other's host key", func(k []byte) []byte { return loginData("s2", "git", k, other.blob()) },
			[]wire.Extension{h.bind("s1", true), h.bind("s2", false)}, "another host key"},
		{"forwarded, far end silent", func(k []byte) []byte { return loginData("s1", "git", k, nil) }, []wire.Extension{h.bind("s1", true)}, "far host did not bind"},
		{"a bind failed", func(k []byte) []byte { return loginData("s1", "git", k, h.blob()) },
			[]wire.Extension{h.bind("s1", false), {Name: wire.ExtSessionBind, Contents: []byte("x")}}, "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, allowAll)
			yes := true
			forwarded := allowAll
			forwarded.Forwarded = &yes
			r.setRules(allowAll, forwarded)
			d := r.destinationOf(t, test.data(r.source.Info().Blob), test.binds...)
			if (d.Trust == keys.TrustNew) != (test.why == "") || !strings.Contains(d.Why, test.why) {
				t.Errorf("%+v", d)
			}
			if test.why == "" && d.Host.Fingerprint != ssh.FingerprintSHA256(h.signer.PublicKey()) {
				t.Errorf("%+v", d)
			}
		})
	}
}

// A login that is not bound may name its host key: more than nothing, and no proof.
func TestNamedHostKeyIsAClaim(t *testing.T) {
	h, other, hop := newHost(t), newHost(t), newHost(t)
	path := hostsText(t, h.line("box"))
	r := newRigWith(t, func(c *Config) { c.Hosts = NewKnownHosts(path) })
	r.allowForwarded()
	for name, binds := range map[string][]wire.Extension{"local": nil, "behind a hop": {hop.bind("s1", true)}} {
		d := r.destinationOf(t, loginData("s", "git", r.source.Info().Blob, h.blob()), binds...)
		if d.Trust != keys.TrustClaimed || d.Claimed != "box" || !d.Host.IsZero() || !strings.Contains(d.Why, "names this host's key") {
			t.Errorf("%s: %+v", name, d)
		}
		for _, hostKey := range [][]byte{other.blob(), nil} {
			if d := r.destinationOf(t, loginData("s", "git", r.source.Info().Blob, hostKey), binds...); d.Trust != keys.TrustNone {
				t.Errorf("%s: %+v", name, d)
			}
		}
	}
}

func TestForwardedHopsAreShown(t *testing.T) {
	r := newRig(t)
	yes := true
	rule := allowAll
	rule.Forwarded = &yes
	r.setRules(rule)
	hop, target := newHost(t), newHost(t)
	d := r.destinationOf(t, loginData("s2", "git", r.source.Info().Blob, target.blob()), hop.bind("s1", true), target.bind("s2", false))
	if !d.Forwarded || d.Trust != keys.TrustNew || len(d.Hops) != 1 ||
		d.Hops[0].Fingerprint != ssh.FingerprintSHA256(hop.signer.PublicKey()) || d.Host.Fingerprint != ssh.FingerprintSHA256(target.signer.PublicKey()) {
		t.Errorf("%+v", d)
	}
}

func TestBindsThatProveNothingAreRefused(t *testing.T) {
	h, other := newHost(t), newHost(t)
	forged := h.bind("s1", false)
	parsed, _ := wire.ParseSessionBind(forged.Contents)
	parsed.HostKey = other.blob()
	forged.Contents = parsed.Marshal()
	for _, test := range []struct {
		name, why string
		first     []wire.Extension
		bad       wire.Extension
	}{
		{"another host's key", "does not verify", nil, forged},
		{"after a login", "bound to a login already", []wire.Extension{h.bind("s1", false)}, h.bind("s2", false)},
		{"same session, other host", "bound before", []wire.Extension{h.bind("s1", true)}, other.bind("s1", false)},
		{"same session, other use", "bound before", []wire.Extension{h.bind("s1", true)}, h.bind("s1", false)},
	} {
		r := newRig(t)
		c := r.connect()
		for _, bind := range test.first {
			if reply := c.ask(bind); reply != wire.Success {
				t.Fatalf("%s: %#v", test.name, reply)
			}
		}
		if reply := c.ask(test.bad); reply != wire.ExtensionFailure {
			t.Errorf("%s: %#v", test.name, reply)
		}
		if last := r.last(); last.Op != keys.OpBind || !strings.Contains(last.Reason, test.why) {
			t.Errorf("%s: %+v", test.name, last)
		}
	}
}

func TestBindsHaveALimit(t *testing.T) {
	r := newRig(t)
	c, h := r.connect(), newHost(t)
	for i := range maxBinds {
		if reply := c.ask(h.bind(fmt.Sprint("s", i), true)); reply != wire.Success {
			t.Fatalf("%d: %#v", i, reply)
		}
	}
	if reply := c.ask(h.bind("s0", true)); reply != wire.Success {
		t.Errorf("a known one again: %#v", reply)
	}
	if reply := c.ask(h.bind("one more", true)); reply != wire.ExtensionFailure {
		t.Errorf("one more: %#v", reply)
	}
}

func TestForwardedConnectionChangesNothing(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		r := newRigWith(t, func(c *Config) { c.ForwardedChanges = allowed })
		c, h := r.connect(), newHost(t)
		c.ask(h.bind("s", true))
		want := wire.Reply(wire.Failure)
		if allowed {
			want = wire.Success
		}
		for _, request := range []wire.Request{wire.RemoveAllIdentities{}, wire.Lock{Passphrase: []byte("x")}, wire.Unlock{Passphrase: []byte("x")}} {
			if reply := c.ask(request); reply != want {
				t.Errorf("forwarded changes %v: %T: %#v", allowed, request, reply)
			}
		}
		if last := r.last(); !allowed && !strings.Contains(last.Reason, "forwarded connection may not change") {
			t.Errorf("%+v", last)
		}
	}
}

func TestSessionIsBoundWhileLocked(t *testing.T) {
	r := newRig(t, allowAll)
	c, h := r.connect(), newHost(t)
	c.ask(wire.Lock{Passphrase: []byte("x")})
	if reply := c.ask(h.bind("s", false)); reply != wire.Success {
		t.Fatalf("%#v", reply)
	}
	if reply := c.ask(wire.Extension{Name: wire.ExtQuery}); reply != wire.Failure {
		t.Errorf("query while locked: %#v", reply)
	}
	c.ask(wire.Unlock{Passphrase: []byte("x")})
	data := loginData("s", "git", r.source.Info().Blob, nil)
	if reply := c.ask(r.sign(data)); !r.verifies(reply, data) {
		t.Fatalf("%#v", reply)
	}
	if d := r.last().Destination; d.Trust != keys.TrustNew {
		t.Errorf("%+v", d)
	}
}

func TestClaimedHost(t *testing.T) {
	for command, want := range map[string]claim{
		"ssh host": {host: "host"},
		"ssh -p 2222 git@host git-upload-pack 'x'":  {host: "host", port: "2222"},
		"ssh -p2222 -4 -o Port=99 host":             {host: "host", port: "99"},
		"ssh -vAp 2222 host ls -p 1":                {host: "host", port: "2222"},
		"ssh -l me -i key -- host":                  {host: "host"},
		"ssh ssh://me@host:2200":                    {host: "host", port: "2200"},
		"ssh -oForwardAgent=no -x -l u host -W x:1": {host: "host"},
		"ssh -oHostKeyAlias=it host":                {host: "host", alias: "it"},
		"ssh -o hostkeyalias=it -oport=99 host":     {host: "host", port: "99", alias: "it"},
		"ssh":                                       {},
		"ssh -v":                                    {},
		"ssh-add host":                              {},
	} {
		args := strings.Fields(command)
		if got := claimedHost(platform.Peer{Process: platform.Process{Name: args[0], Args: args}}); got != want {
			t.Errorf("%s: %+v", command, got)
		}
	}
}
