package agent

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// line is a known_hosts line: "names" or "@marker names", and the host's key.
func (h host) line(names string) string {
	return names + " " + string(ssh.MarshalAuthorizedKey(h.signer.PublicKey()))
}

// hostsText writes a known_hosts file.
func hostsText(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// hashHosts is "ssh-keygen -H".
func hashHosts(t *testing.T, path string) {
	t.Helper()
	if out, err := exec.Command("ssh-keygen", "-H", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// looking returns a session of a program with this command line.
func looking(hosts *KnownHosts, rules []policy.Rule, command string) *session {
	s := &session{ctx: context.Background(), server: NewServer(Config{Ring: keys.NewRing(), Hosts: hosts}, policy.New(nil, rules, policy.Options{}))}
	if args := strings.Fields(command); len(args) > 0 {
		s.peer = platform.Peer{Process: platform.Process{Name: args[0], Args: args}}
	}
	return s
}

func (s *session) namesOf(h host) keys.Host {
	s.binds = []bind{{key: h.signer.PublicKey(), hostKey: h.blob()}}
	return s.host(s.last())
}

func TestKnownHostsNames(t *testing.T) {
	h, other := newHost(t), newHost(t)
	many := make([]string, 20)
	for i := range many {
		many[i] = fmt.Sprintf("name%d", i)
	}
	for _, test := range []struct {
		name, known string
		hash        bool
		rules       []policy.Rule
		command     string
		want        keys.Host
	}{
		{name: "plain", known: "# comment\nbroken line\n" + h.line("host.example,192.0.2.1") + other.line("other"),
			want: keys.Host{Names: []string{"host.example", "192.0.2.1"}}},
		{name: "all of them", known: h.line(strings.Join(many, ",")), want: keys.Host{Names: many}},
		{name: "a pattern", known: h.line("*.example,!www.example"), want: keys.Host{Patterns: []string{"*.example,!www.example"}}},
		{name: "a pattern and what was typed", known: h.line("*.example"), command: "ssh -p 2222 git.example",
			want: keys.Host{Names: []string{"git.example"}, Patterns: []string{"*.example"}}},
		{name: "a pattern that excepts what was typed", known: h.line("*.example,!git.example"), command: "ssh git.example",
			want: keys.Host{Patterns: []string{"*.example,!git.example"}}},
		{name: "hashed, typed", known: h.line("[hidden.example]:2222"), hash: true, command: "ssh -p 2222 Hidden.example",
			want: keys.Host{Names: []string{"[hidden.example]:2222"}}},
		{name: "hashed, not typed", known: h.line("hidden.example"), hash: true, command: "ssh other", want: keys.Host{Hashed: true}},
		{name: "hashed, by HostKeyAlias", known: h.line("alias"), hash: true, command: "ssh -oHostKeyAlias=alias host", want: keys.Host{Names: []string{"alias"}}},
		{name: "hashed, in a rule", known: h.line("prod"), hash: true, rules: []policy.Rule{{Host: "PROD"}}, want: keys.Host{Names: []string{"prod"}}},
		{name: "hashed with a port, in a rule without", known: h.line("[prod]:40022"), hash: true, rules: []policy.Rule{{Host: "prod"}},
			want: keys.Host{Names: []string{"[prod]:40022"}}},
		{name: "hashed, in a pattern of a rule", known: h.line("prod"), hash: true, rules: []policy.Rule{{Host: "pro*"}}, want: keys.Host{Hashed: true}},
		{name: "one of two hashed", known: h.line("prod") + h.line("hidden"), hash: true, rules: []policy.Rule{{Host: "prod"}},
			want: keys.Host{Names: []string{"prod"}, Hashed: true}},
		{name: "longer than is read", known: h.line("a") + "#" + strings.Repeat("x", MaxKnownHosts) + "\n" + h.line("b"), want: keys.Host{Names: []string{"a"}, Cut: true}},
	} {
		path := hostsText(t, test.known)
		if test.hash {
			hashHosts(t, path)
		}
		s := looking(NewKnownHosts(filepath.Join(t.TempDir(), "missing"), path), test.rules, test.command)
		test.want.Fingerprint = ssh.FingerprintSHA256(h.signer.PublicKey())
		for range 2 { // the second time by what is remembered
			if got := s.namesOf(h); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", test.want) {
				t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
			}
			s.forgetNames()
		}
	}
}

// The typed name is the first host's. It is not tried against patterns for the hosts
// behind it, which would get that name.
func TestTypedNamesAreForTheFirstHost(t *testing.T) {
	authority, first, behind, certified := newHost(t), newHost(t), newHost(t), newHost(t)
	cert := &ssh.Certificate{CertType: ssh.HostCert, Key: certified.signer.PublicKey(), ValidPrincipals: []string{"*"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, authority.signer); err != nil {
		t.Fatal(err)
	}
	s := looking(NewKnownHosts(hostsText(t, first.line("*")+behind.line("*")+authority.line("@cert-authority *"))), nil, "ssh -A jump")
	s.binds = []bind{{key: first.signer.PublicKey(), hostKey: first.blob(), forwarding: true},
		{key: behind.signer.PublicKey(), hostKey: behind.blob(), forwarding: true}, {key: cert, hostKey: cert.Marshal()}}
	if got := s.host(&s.binds[0]).Names; !slices.Equal(got, []string{"jump"}) {
		t.Errorf("the first: %q", got)
	}
	for _, b := range []*bind{&s.binds[1], &s.binds[2]} {
		if got := s.host(b); got.Names != nil || !slices.Equal(got.Patterns, []string{"*"}) {
			t.Errorf("behind it: %+v", got)
		}
	}
}

// The names of the machine's file come first.
func TestFilesOfKnownHostsInTheirOrder(t *testing.T) {
	h := newHost(t)
	system, own := hostsText(t, h.line("prod")), hostsText(t, h.line("a,b,c,d,e,f,g,h,harmless"))
	if got := looking(NewKnownHosts(system, own), nil, "").namesOf(h).Names; len(got) != 10 || got[0] != "prod" {
		t.Errorf("%q", got)
	}
}

// A file that cannot be read may have had more names.
func TestUnreadableKnownHostsLeaveDoubt(t *testing.T) {
	h := newHost(t)
	path := hostsText(t, h.line("a"))
	if looking(NewKnownHosts(path), nil, "").namesOf(h).Cut {
		t.Fatal("in doubt of a good file")
	}
	for unread, want := range map[string]bool{
		filepath.Join(path, "below a file"): true, filepath.Dir(path): true,
		os.DevNull: false, path + " that is missing": false,
	} {
		if got := looking(NewKnownHosts(path, unread), nil, "").namesOf(h).Cut; got != want {
			t.Errorf("%s: in doubt: %v", unread, got)
		}
	}
}

// Each revoked key is refused with its line, and the same login passes without that line.
func TestRevokedKeysAreRefused(t *testing.T) {
	h, authority, hop := newHost(t), newHost(t), newHost(t)
	cert := &ssh.Certificate{CertType: ssh.HostCert, Key: h.signer.PublicKey(), ValidPrincipals: []string{"box"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, authority.signer); err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewCertSigner(cert, h.signer)
	if err != nil {
		t.Fatal(err)
	}
	certified := host{signer}
	known := h.line("box") + authority.line("@cert-authority box") + hop.line("hop")
	for _, test := range []struct {
		name, revoked string
		of            host
		binds         []wire.Extension
	}{
		{"the host's key", h.line("@revoked *"), h, []wire.Extension{h.bind("s", false)}},
		{"under another name", h.line("@revoked elsewhere"), h, []wire.Extension{h.bind("s", false)}},
		{"the key in its certificate", h.line("@revoked *"), certified, []wire.Extension{certified.bind("s", false)}},
		{"the authority", authority.line("@revoked *"), certified, []wire.Extension{certified.bind("s", false)}},
		{"a host that the login names, not bound", h.line("@revoked *"), h, nil},
		{"a host that the login names, behind a hop", h.line("@revoked *"), h, []wire.Extension{hop.bind("s1", true)}},
		{"a host that was bound for another session", h.line("@revoked *"), hop, []wire.Extension{h.bind("other", false)}},
		{"a hop", hop.line("@revoked *"), h, []wire.Extension{hop.bind("s1", true), h.bind("s", false)}},
	} {
		for _, text := range []string{known, known + test.revoked} {
			path := hostsText(t, text)
			r := newRigWith(t, func(c *Config) { c.Hosts = NewKnownHosts(path) })
			r.allowForwarded()
			c := r.connect()
			for _, bind := range test.binds {
				if reply := c.ask(bind); reply != wire.Success {
					t.Fatalf("%s: %#v", test.name, reply)
				}
			}
			data := loginData("s", "git", r.source.Info().Blob, test.of.blob())
			reply := c.ask(r.sign(data))
			if text == known {
				if !r.verifies(reply, data) {
					t.Errorf("%s: without its line: %#v", test.name, r.last())
				}
				continue
			}
			if last := r.last(); reply != wire.Failure || !strings.Contains(last.Reason, "is revoked: "+path+":4") {
				t.Errorf("%s: %#v, %+v", test.name, reply, last)
			}
		}
	}
}

// A host with a certificate of an authority in known_hosts has those names of the
// certificate that match the authority's line.
func TestHostNamesByAuthority(t *testing.T) {
	authority, stranger, h := newHost(t), newHost(t), newHost(t)
	good := ssh.Certificate{CertType: ssh.HostCert, ValidPrincipals: []string{"one.example", "one.other", "*.example"}, ValidBefore: ssh.CertTimeInfinity}
	many := slices.Repeat([]string{"one.example"}, maxPrincipals+1)
	for _, test := range []struct {
		name, known string
		change      func(*ssh.Certificate)
		by          host
		command     string
		want        []string
		patterns    []string
	}{
		{name: "vouched for", known: authority.line("@cert-authority *.example"), want: []string{"one.example"}, patterns: []string{"*.example"}},
		{name: "the typed one first", known: authority.line("@cert-authority *.example,one.other"), command: "ssh two.example",
			want: []string{"two.example", "one.example", "one.other"}, patterns: []string{"*.example"}},
		{name: "by its alias", known: authority.line("@cert-authority *.example"), command: "ssh -oHostKeyAlias=box.example 192.0.2.1",
			want: []string{"box.example", "one.example"}, patterns: []string{"*.example"}},
		{name: "by the name of the line", known: authority.line("@cert-authority box.example"), want: []string{"box.example"}},
		{name: "on a port", known: authority.line("@cert-authority [one.*]:2222"), want: []string{"[one.example]:2222", "[one.other]:2222"}, patterns: []string{"*.example"}},
		{name: "excepted", known: authority.line("@cert-authority *.example,!one.example"), patterns: []string{"*.example"}},
		{name: "typed, but not in the certificate", known: authority.line("@cert-authority *"), command: "ssh bank.com",
			want: []string{"one.example", "one.other"}, patterns: []string{"*.example"}},
		{name: "no authority", known: authority.line("one.example")},
		{name: "of another authority", known: authority.line("@cert-authority *"), by: stranger},
		{name: "of a user", known: authority.line("@cert-authority *"), change: func(c *ssh.Certificate) { c.CertType = ssh.UserCert }},
		{name: "expired", known: authority.line("@cert-authority *"), change: func(c *ssh.Certificate) { c.ValidBefore = 1 }},
		{name: "not yet valid", known: authority.line("@cert-authority *"), change: func(c *ssh.Certificate) { c.ValidAfter = 1 << 40 }},
		{name: "without principals", known: authority.line("@cert-authority *"), change: func(c *ssh.Certificate) { c.ValidPrincipals = nil }},
		{name: "with more than OpenSSH takes", known: authority.line("@cert-authority *"), change: func(c *ssh.Certificate) { c.ValidPrincipals = many }},
		{name: "its plain key is known", known: h.line("plain"), want: []string{"plain"}},
	} {
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
		s := looking(NewKnownHosts(hostsText(t, test.known)), nil, test.command)
		s.binds = []bind{{key: &cert, hostKey: cert.Marshal()}}
		got := s.host(s.last())
		if !slices.Equal(got.Names, test.want) || !slices.Equal(got.Patterns, test.patterns) {
			t.Errorf("%s: %q %q, want %q %q", test.name, got.Names, got.Patterns, test.want, test.patterns)
		}
	}
}

// A certificate's signature is verified once in a session, if its authority is known;
// its expiry is checked each time.
func TestCertificateIsVerifiedOnce(t *testing.T) {
	authority, h := newHost(t), newHost(t)
	cert := &ssh.Certificate{CertType: ssh.HostCert, Key: h.signer.PublicKey(), ValidPrincipals: []string{"box"}, ValidBefore: uint64(time.Now().Add(time.Hour).Unix())}
	if err := cert.SignCert(rand.Reader, authority.signer); err != nil {
		t.Fatal(err)
	}
	b := &bind{key: cert, hostKey: cert.Marshal()}
	if s := looking(NewKnownHosts(hostsText(t, "")), nil, ""); s.host(b).Names != nil || b.certificate.checked {
		t.Error("verified for an authority that nobody knows")
	}
	s := looking(NewKnownHosts(hostsText(t, authority.line("@cert-authority *"))), nil, "")
	named := func() bool { s.forgetNames(); return slices.Contains(s.host(b).Names, "box") }
	if !named() || !b.certificate.checked {
		t.Fatalf("%+v", b)
	}
	cert.Signature = &ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: []byte("nonsense")}
	if !named() {
		t.Error("verified a second time")
	}
	s.server.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if named() {
		t.Error("the certificate is over")
	}
	s.server.Now = time.Now
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if s.ctx = ctx; named() {
		t.Error("went on for a client that had left")
	}
	if b = (&bind{key: cert, hostKey: cert.Marshal()}); named() {
		t.Error("a signature that is nonsense counts")
	}
}
