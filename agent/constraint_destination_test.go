package agent

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// constrained adds a fresh key with these constraints and returns its blob.
func (c *client) constrained(list ...wire.DestinationConstraint) ([]byte, wire.Reply) {
	c.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		c.t.Fatal(err)
	}
	add := wire.AddIdentity{KeyType: ssh.KeyAlgoED25519, Comment: "held",
		Private: ssh.Marshal(struct{ Public, Private []byte }{public, private})}
	if len(list) > 0 {
		add.Constrained = true
		add.Constraints = []wire.Constraint{{Type: wire.ConstrainExtension, Name: wire.ExtRestrictDestination, Contents: marshalDestinations(list)}}
	}
	return signer.PublicKey().Marshal(), c.ask(add)
}

func (h host) hop(name, user string) wire.Hop {
	return wire.Hop{User: user, Hostname: name, Keys: []wire.HopKey{{KeyBlob: h.blob()}}}
}

func (c *client) lists(blob []byte) bool {
	c.t.Helper()
	for _, identity := range c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer).Identities {
		if string(identity.KeyBlob) == string(blob) {
			return true
		}
	}
	return false
}

// allowForwarded is a rule for requests of either kind.
func (r *rig) allowForwarded() {
	yes := true
	forwarded := allowAll
	forwarded.Forwarded = &yes
	r.setRules(allowAll, forwarded)
}

// Each refusal has its cause in the log, and the same request passes with a key
// that has no constraint.
func TestConstrainedKeySignsOnlyOnItsWay(t *testing.T) {
	one, two, other := newHost(t), newHost(t), newHost(t)
	toOne := wire.DestinationConstraint{To: one.hop("one", "")}
	asGit := wire.DestinationConstraint{To: one.hop("one", "g?t")}
	oneToTwo := wire.DestinationConstraint{From: one.hop("one", ""), To: two.hop("two", "")}
	login := func(session, user string, at host) func([]byte) []byte {
		return func(key []byte) []byte { return loginData(session, user, key, at.blob()) }
	}
	old := func(session string) func([]byte) []byte {
		return func(key []byte) []byte { return loginData(session, "git", key, nil) }
	}
	list := func(c ...wire.DestinationConstraint) []wire.DestinationConstraint { return c }
	for _, test := range []struct {
		name        string
		constraints []wire.DestinationConstraint
		binds       []wire.Extension
		data        func([]byte) []byte
		why         string // "" signs
	}{
		{"its host", list(toOne), []wire.Extension{one.bind("s", false)}, login("s", "git", one), ""},
		{"its host, older ssh", list(toOne), []wire.Extension{one.bind("s", false)}, old("s"), ""},
		{"its user", list(asGit), []wire.Extension{one.bind("s", false)}, login("s", "git", one), ""},
		{"another user", list(asGit), []wire.Extension{one.bind("s", false)}, login("s", "root", one), "may not be used to log in as \"root\""},
		{"another host", list(toOne), []wire.Extension{other.bind("s", false)}, login("s", "git", other), "may not be used to log in as \"git\""},
		{"nothing proved", list(toOne), nil, login("s", "git", one), "did not prove where"},
		{"proof failed", list(toOne), []wire.Extension{{Name: wire.ExtSessionBind, Contents: []byte("x")}}, login("s", "git", one), "did not prove where"},
		{"git commit", list(toOne), []wire.Extension{one.bind("s", false)}, func([]byte) []byte { return gitData("x") }, "to log in only"},
		{"another session", list(toOne), []wire.Extension{one.bind("s", false)}, login("t", "git", one), "another session"},
		{"another host key", list(toOne), []wire.Extension{one.bind("s", false)}, login("s", "git", other), "another host key"},
		{"from its hop", list(toOne, oneToTwo), []wire.Extension{one.bind("s", true), two.bind("t", false)}, login("t", "git", two), ""},
		{"from its hop, older ssh", list(toOne, oneToTwo), []wire.Extension{one.bind("s", true), two.bind("t", false)}, old("t"), "does not name its host key"},
		{"from another hop", list(toOne, oneToTwo), []wire.Extension{other.bind("s", true), two.bind("t", false)}, login("t", "git", two), "to the host SHA256:"},
		{"onward not allowed", list(toOne), []wire.Extension{one.bind("s", true), two.bind("t", false)}, login("t", "git", two), "from SHA256:"},
		{"way to the hop not allowed", list(oneToTwo), []wire.Extension{one.bind("s", true), two.bind("t", false)}, login("t", "git", two), "may not be used to log in to the host"},
		{"directly to the second", list(toOne, oneToTwo), []wire.Extension{two.bind("t", false)}, login("t", "git", two), "may not be used"},
		{"far end silent", list(toOne), []wire.Extension{one.bind("s", true)}, login("s", "git", one), "far host did not prove"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.allowForwarded()
			key, reply := r.connect().constrained(test.constraints...)
			free, freeReply := r.connect().constrained()
			if reply != wire.Success || freeReply != wire.Success {
				t.Fatalf("add: %#v, %#v: %+v", reply, freeReply, r.last())
			}
			c := r.connect()
			for _, bind := range test.binds {
				c.ask(bind)
			}
			if _, signed := c.ask(wire.SignRequest{KeyBlob: free, Data: test.data(free)}).(wire.SignResponse); !signed {
				t.Errorf("without the constraint: %+v", r.last())
			}
			_, signed := c.ask(wire.SignRequest{KeyBlob: key, Data: test.data(key)}).(wire.SignResponse)
			last := r.last()
			if signed != (test.why == "") || !strings.Contains(last.Reason, test.why) ||
				!signed && !strings.HasPrefix(last.Reason, "destination constraint: ") {
				t.Errorf("signed %v: %+v", signed, last)
			}
		})
	}
}

func TestConstrainedKeyIsHiddenWhereItMayNotGo(t *testing.T) {
	one, two, other := newHost(t), newHost(t), newHost(t)
	toOne := wire.DestinationConstraint{To: one.hop("one", "git")}
	oneToTwo := wire.DestinationConstraint{From: one.hop("one", ""), To: two.hop("two", "")}
	broken := wire.Extension{Name: wire.ExtSessionBind, Contents: []byte("x")}
	for _, test := range []struct {
		name  string
		binds []wire.Extension
		shown bool
	}{
		{"a local program", nil, true},
		{"to its host", []wire.Extension{one.bind("s", false)}, true},
		{"to another", []wire.Extension{other.bind("s", false)}, false},
		{"forwarded to its host", []wire.Extension{one.bind("s", true)}, true},
		{"and from there on", []wire.Extension{one.bind("s", true), two.bind("t", false)}, true},
		{"elsewhere from there", []wire.Extension{one.bind("s", true), other.bind("t", false)}, false},
		{"forwarded to the last", []wire.Extension{one.bind("s", true), two.bind("t", true)}, false},
		{"forwarded to another", []wire.Extension{other.bind("s", true)}, false},
		{"proof failed", []wire.Extension{broken}, false},
		{"one proof failed, one held", []wire.Extension{broken, one.bind("s", false)}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRigWith(t, func(c *Config) { c.ForwardedChanges = true })
			key, _ := r.connect().constrained(toOne, oneToTwo)
			c := r.connect()
			for _, bind := range test.binds {
				c.ask(bind)
			}
			if c.lists(key) != test.shown {
				t.Errorf("listed: %v", !test.shown)
			}
			// What is hidden cannot be taken away.
			if reply := c.ask(wire.RemoveIdentity{KeyBlob: key}); (reply == wire.Success) != test.shown {
				t.Errorf("removed: %#v", reply)
			}
			if last := r.last(); !test.shown && !strings.HasPrefix(last.Reason, "destination constraint: ") {
				t.Errorf("%+v", last)
			}
		})
	}
}

func TestHiddenKeyIsNotReplaced(t *testing.T) {
	one, other := newHost(t), newHost(t)
	for _, target := range []host{one, other} {
		r := newRigWith(t, func(c *Config) { c.ForwardedChanges = true })
		public, private, _ := ed25519.GenerateKey(rand.Reader)
		add := wire.AddIdentity{KeyType: ssh.KeyAlgoED25519, Private: ssh.Marshal(struct{ Public, Private []byte }{public, private}),
			Constrained: true, Constraints: []wire.Constraint{{Type: wire.ConstrainExtension, Name: wire.ExtRestrictDestination,
				Contents: marshalDestinations([]wire.DestinationConstraint{{To: one.hop("one", "")}})}}}
		if reply := r.connect().ask(add); reply != wire.Success {
			t.Fatalf("%#v", reply)
		}
		c := r.connect()
		c.ask(target.bind("s", false))
		reply := c.ask(add.Unconstrained())
		if mayReplace := target == one; (reply == wire.Success) != mayReplace || !mayReplace && !strings.Contains(r.last().Reason, "may not be used") {
			t.Errorf("%#v: %+v", reply, r.last())
		}
	}
}

func TestDestinationConstraintsThatCannotBeKeptRefuseTheKey(t *testing.T) {
	r := newRig(t)
	one := newHost(t)
	good := wire.DestinationConstraint{To: one.hop("one", "")}
	bad := wire.DestinationConstraint{To: wire.Hop{Hostname: "one", Keys: []wire.HopKey{{KeyBlob: []byte("no key")}}}}
	if _, reply := r.connect().constrained(good); reply != wire.Success || r.last().Reason != "only to one" {
		t.Errorf("%#v: %+v", reply, r.last())
	}
	if _, reply := r.connect().constrained(good, bad); reply != wire.Failure || !strings.Contains(r.last().Reason, `a key of "one"`) {
		t.Errorf("%#v: %+v", reply, r.last())
	}
}

func TestHostCertificatesMatchTheirAuthority(t *testing.T) {
	authority, stranger, one := newHost(t), newHost(t), newHost(t)
	now := time.Now()
	good := ssh.Certificate{CertType: ssh.HostCert, ValidPrincipals: []string{"other", "*.example"}, ValidBefore: uint64(now.Add(time.Hour).Unix())}
	change := func(do func(*ssh.Certificate)) ssh.Certificate { c := good; do(&c); return c }
	s := &session{server: &Server{Config: Config{Now: time.Now}}}
	for _, test := range []struct {
		name string
		cert ssh.Certificate
		by   host
		want bool
	}{
		{"good", good, authority, true},
		{"of another authority", good, stranger, false},
		{"of a user", change(func(c *ssh.Certificate) { c.CertType = ssh.UserCert }), authority, false},
		{"for another host", change(func(c *ssh.Certificate) { c.ValidPrincipals = []string{"one.other"} }), authority, false},
		{"for nobody", change(func(c *ssh.Certificate) { c.ValidPrincipals = nil }), authority, false},
		{"expired", change(func(c *ssh.Certificate) { c.ValidBefore = uint64(now.Add(-time.Hour).Unix()) }), authority, false},
		{"not yet", change(func(c *ssh.Certificate) { c.ValidAfter = uint64(now.Add(time.Minute).Unix()) }), authority, false},
		{"with an option", change(func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"x": ""} }), authority, false},
	} {
		cert := test.cert
		cert.Key = one.signer.PublicKey()
		if err := cert.SignCert(rand.Reader, test.by.signer); err != nil {
			t.Fatal(err)
		}
		b := &bind{key: &cert, hostKey: cert.Marshal()}
		ca := keys.Hop{Host: "one.example", Keys: []keys.HopKey{{Key: authority.signer.PublicKey(), CA: true}}}
		if s.isHop(b, ca) != test.want {
			t.Errorf("%s: %v", test.name, !test.want)
		}
		ca.Keys[0].CA = false // a plain key is none of an authority
		if s.isHop(b, ca) {
			t.Errorf("%s: taken for a plain key", test.name)
		}
	}
	plain := &bind{key: one.signer.PublicKey(), hostKey: one.blob()}
	if s.isHop(plain, keys.Hop{Host: "one", Keys: []keys.HopKey{{Key: one.signer.PublicKey(), CA: true}}}) {
		t.Error("a plain key was taken for an authority's certificate")
	}
}

// marshalDestinations returns the contents that wire.ParseDestinations reads.
func marshalDestinations(list []wire.DestinationConstraint) []byte {
	var all []byte
	for _, d := range list {
		all = append(all, sshStrings(sshStrings(marshalHop(d.From), marshalHop(d.To), nil))...)
	}
	return sshStrings(all)
}

func marshalHop(h wire.Hop) []byte {
	b := sshStrings([]byte(h.User), []byte(h.Hostname), nil)
	for _, key := range h.Keys {
		b = append(b, sshStrings(key.KeyBlob)...)
		if key.CA {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b
}

// sshStrings encodes parts as strings of RFC 4251 section 5.
func sshStrings(parts ...[]byte) (b []byte) {
	for _, part := range parts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	return b
}
