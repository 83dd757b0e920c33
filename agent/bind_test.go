package agent

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/agent/wire"
	"github.com/keybroker/keybroker/platform"
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
			if (d.Trust == keys.TrustVerified) != (test.why == "") || !strings.Contains(d.Why, test.why) {
				t.Errorf("%+v", d)
			}
			if test.why == "" && d.Host.Fingerprint != ssh.FingerprintSHA256(h.signer.PublicKey()) {
				t.Errorf("%+v", d)
			}
		})
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
	if !d.Forwarded || d.Trust != keys.TrustVerified || len(d.Hops) != 1 ||
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
	if d := r.last().Destination; d.Trust != keys.TrustVerified {
		t.Errorf("%+v", d)
	}
}

func TestKnownHostsNames(t *testing.T) {
	h, other := newHost(t), newHost(t)
	line := func(names string, key host) string {
		return names + " " + string(ssh.MarshalAuthorizedKey(key.signer.PublicKey()))
	}
	path := filepath.Join(t.TempDir(), "known_hosts")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# comment\nbroken line\n" + line("host.example,192.0.2.1", h) + line("*.example", h) + line("@revoked evil", h) + line("other", other))
	known := NewKnownHosts(filepath.Join(t.TempDir(), "missing"), path)
	if got := known.Names(h.blob(), nil); !slices.Equal(got, []string{"host.example", "192.0.2.1"}) {
		t.Errorf("%q", got)
	}
	write(line("[hidden.example]:2222", h))
	if out, err := exec.Command("ssh-keygen", "-H", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := known.Names(h.blob(), []string{"wrong", "[hidden.example]:2222"}); !slices.Equal(got, []string{"[hidden.example]:2222"}) {
		t.Errorf("hashed: %q", got)
	}
	if got := known.Names(h.blob(), []string{"wrong"}); got != nil {
		t.Errorf("hashed, not known: %q", got)
	}
	write(line("alias", h))
	if out, err := exec.Command("ssh-keygen", "-H", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	peer := platform.Peer{Process: platform.Process{Name: "ssh", Args: []string{"ssh", "-o", "HostKeyAlias alias", "host"}}}
	if got := known.Names(h.blob(), claimedHost(peer).candidates()); !slices.Equal(got, []string{"alias"}) {
		t.Errorf("hashed, by HostKeyAlias: %q", got)
	}
}

// A host that an authority of known_hosts vouches for has the names of its
// certificate that this line is for.
func TestHostNamesByAuthority(t *testing.T) {
	authority, stranger, h := newHost(t), newHost(t), newHost(t)
	path := filepath.Join(t.TempDir(), "known_hosts")
	marked := func(marker, names string) string {
		return marker + names + " " + string(ssh.MarshalAuthorizedKey(authority.signer.PublicKey()))
	}
	good := ssh.Certificate{CertType: ssh.HostCert, ValidPrincipals: []string{"one.example", "one.other", "*.example"}, ValidBefore: ssh.CertTimeInfinity}
	for _, test := range []struct {
		name, known string
		change      func(*ssh.Certificate)
		by          host
		claim       claim
		want        []string
	}{
		{name: "vouched for", known: marked("@cert-authority ", "*.example"), want: []string{"one.example"}},
		{name: "the typed one first", known: marked("@cert-authority ", "*.example,one.other"), claim: claim{host: "two.example"},
			want: []string{"two.example", "one.example", "one.other"}},
		{name: "by its alias", known: marked("@cert-authority ", "*.example"), claim: claim{host: "192.0.2.1", alias: "box.example"}, want: []string{"box.example", "one.example"}},
		{name: "on a port", known: marked("@cert-authority ", "[*.example]:2222"), claim: claim{host: "one.example", port: "2222"}, want: []string{"[one.example]:2222"}},
		{name: "on another port", known: marked("@cert-authority ", "[*.example]:2222"), claim: claim{host: "one.example"}},
		{name: "excepted", known: marked("@cert-authority ", "*.example,!one.example")},
		{name: "typed, but not in the certificate", known: marked("@cert-authority ", "*"), claim: claim{host: "bank.com"}, want: []string{"one.example", "one.other"}},
		{name: "no authority", known: marked("", "one.example")},
		{name: "a revoked one", known: marked("@revoked ", "*")},
		{name: "of another authority", known: marked("@cert-authority ", "*"), by: stranger},
		{name: "of a user", known: marked("@cert-authority ", "*"), change: func(c *ssh.Certificate) { c.CertType = ssh.UserCert }},
		{name: "expired", known: marked("@cert-authority ", "*"), change: func(c *ssh.Certificate) { c.ValidBefore = 1 }},
		{name: "its plain key is known", known: "plain " + string(ssh.MarshalAuthorizedKey(h.signer.PublicKey())), want: []string{"plain"}},
	} {
		if err := os.WriteFile(path, []byte(test.known), 0o600); err != nil {
			t.Fatal(err)
		}
		cert := good
		cert.Key = h.signer.PublicKey()
		if test.change != nil {
			test.change(&cert)
		}
		if test.by.signer == nil {
			test.by = authority
		}
		if err := cert.SignCert(rand.Reader, test.by.signer); err != nil {
			t.Fatal(err)
		}
		s := &session{server: &Server{Config: Config{Now: time.Now, Hosts: NewKnownHosts(path)}}}
		if got := s.host(bind{key: &cert, hostKey: cert.Marshal()}, test.claim).Names; !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
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
