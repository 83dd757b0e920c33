package conformance

import (
	"crypto/ed25519"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

const destinations = "PROTOCOL.agent §2"

var destinationRules = []Rule{
	{"destination-known", destinations, OpenSSH, Adds, "A key with a destination constraint is taken, and signs the login that it is for.", func(t *T) {
		t.AddNew()
		h := newHost()
		key := newKey(ssh.KeyAlgoED25519)
		if !t.tryAdd(key, restrict(leads(end{}, h.at("host", "")))) {
			t.Failf("refused")
		}
		c := t.Connect()
		session := h.bind(c, false)
		c.MustSign(key, hostbound(key, session, "git", h.blob), "for the login at its host")
	}},
	{"destination-old-login", destinations, OpenSSH, Adds, "A login that does not name its host is signed on the first hop: it is of a server before OpenSSH 8.9.", func(t *T) {
		h := newHost()
		key := t.AddFor(restrict(leads(end{}, h.at("host", ""))))
		c := t.Connect()
		session := h.bind(c, false)
		c.MustSign(key, loginData(key, session, "git"), "for the login at its host")
	}},
	keepsTo("destination-unbound", "without a bound session", func(d *detour) { d.binds = nil }),
	keepsTo("destination-other-host", "at another host", func(d *detour) { d.binds = way{d.other}; d.at = d.other }),
	keepsTo("destination-other-session", "for another session than the bound one", func(d *detour) { d.session = newSession() }),
	keepsTo("destination-other-key", "that names another host's key", func(d *detour) { d.at = d.other }),
	keepsTo("destination-other-user", "of another user", func(d *detour) { d.user = "root" }),
	keepsTo("destination-not-a-login", "over what is no login", func(d *detour) { d.data = []byte("something else") }),
	keepsTo("destination-sshsig", "over an SSHSIG", func(d *detour) {
		d.data = slices.Concat([]byte("SSHSIG"), str("git"), str(""), str("sha512"), str(make([]byte, 64)))
	}),
	keepsTo("destination-forwarded", "on a connection that is bound for forwarding", func(d *detour) { d.forwarding = true }),
	keepsTo("destination-onward", "one host further on", func(d *detour) { d.binds = way{d.home, d.other}; d.at = d.other }),
	keepsTo("destination-bind-failed", "after a session-bind that failed", func(d *detour) { d.binds, d.broken = nil, true }),
	{"destination-user-pattern", destinations, OpenSSH, Adds, "The user is a pattern.", func(t *T) {
		h := newHost()
		key := t.AddFor(restrict(leads(end{}, h.at("host", "g?t*"))))
		for user, fits := range map[string]bool{"git": true, "gatling": true, "gt": false, "xgit": false, "": false} {
			c := t.Connect()
			session := h.bind(c, false)
			if c.Signs(key, hostbound(key, session, user, h.blob)) != fits && user != "" {
				t.Failf("the pattern g?t* lets %q in: %v", user, !fits)
			}
		}
	}},
	{"destination-hops", destinations, OpenSSH, Adds, "A key with constraints along 1 to 16 hosts is listed on the way, and signs at its end.", func(t *T) {
		for n := 1; n <= maxSessions; n++ {
			w := newWay(n)
			key := t.AddFor(w.constraints(-1))
			c := t.Connect()
			if n < maxSessions && n > 1 {
				between := t.Connect()
				w[:n-1].bind(between, true)
				if !between.Lists(key) {
					t.Failf("of %d hosts, at the last but one: it is not in the list", n)
				}
			}
			session := w.bind(c, false)
			if !c.Lists(key) {
				t.Failf("at the last of %d hosts it is not in the list", n)
			}
			if !c.Signs(key, hostbound(key, session, "git", w.last().blob)) {
				t.Failf("at the last of %d hosts it does not sign", n)
			}
			c.Close()
		}
	}},
	{"destination-hops-broken", destinations, OpenSSH, Adds, "Where one constraint along the way is missing, the key neither signs nor is listed.", func(t *T) {
		for _, n := range []int{1, 2, 3, 8, maxSessions} {
			for missing := range n {
				if n > 3 && missing > 0 && missing < n-1 && missing != n/2 {
					continue
				}
				w := newWay(n)
				key := t.AddFor(w.constraints(missing))
				c := t.Connect()
				session := w.bind(c, false)
				if c.Lists(key) {
					t.Failf("number %d of %d is missing, and it is listed", missing+1, n)
				}
				if c.Signs(key, hostbound(key, session, "git", w.last().blob)) {
					t.Failf("number %d of %d is missing, and it signs", missing+1, n)
				}
				c.Close()
			}
		}
	}},
	{"destination-hop-old-login", destinations, OpenSSH, Adds, "Behind a hop, a login that does not name its host is not signed.", func(t *T) {
		w := newWay(2)
		key := t.AddFor(w.constraints(-1))
		c := t.Connect()
		session := w.bind(c, false)
		c.MustSign(key, hostbound(key, session, "git", w.last().blob), "for a login that names its host")
		c.MustNotSign(key, loginData(key, session, "git"), "for one that does not")
	}},
	{"destination-hidden", destinations, OpenSSH, Adds, "A key is listed to local programs and where it may go, and hidden elsewhere.", func(t *T) {
		home, other := newHost(), newHost()
		key := t.AddFor(restrict(leads(end{}, home.at("host", ""))))
		if !t.Lists(key) {
			t.Failf("it is hidden from a local program")
		}
		for _, test := range []struct {
			where      string
			host       host
			forwarding bool
			listed     bool
		}{
			{"on the way to its host", home, false, true},
			{"on the way to another", other, false, false},
			{"at its host, from where it may go nowhere", home, true, false},
			{"at another host", other, true, false},
		} {
			c := t.Connect()
			test.host.bind(c, test.forwarding)
			if c.Lists(key) != test.listed {
				t.Failf("%s it is listed: %v", test.where, !test.listed)
			}
		}
	}},
	{"destination-hidden-removed", destinations, OpenSSH, Adds, "A host that does not see a key cannot remove it, nor add it again without constraints.", func(t *T) {
		h := newHost()
		key := t.AddFor(restrict(leads(end{}, h.at("host", ""))))
		c := t.Connect()
		newHost().bind(c, true)
		c.Number(key.remove())
		if !t.Lists(key) {
			t.Failf("it was removed")
		}
		c.Number(key.add())
		if t.Connect().Signs(key, someLogin(key)) {
			t.Failf("its constraint was taken off")
		}
	}},
	{"destination-certificate", destinations, OpenSSH, Adds, "A host is recognized by a certificate in its name of an authority that the constraint names.", func(t *T) {
		authority := newHost()
		key := t.AddFor(restrict(leads(end{}, end{name: "host.example", keys: [][]byte{authority.blob}, ca: true})))
		for name, fits := range map[string]bool{"host.example": true, "other.example": false} {
			h := authority.certify(name)
			c := t.Connect()
			session := h.bind(c, false)
			if c.Signs(key, hostbound(key, session, "git", h.blob)) != fits {
				t.Failf("a certificate for %s counts for host.example: %v", name, !fits)
			}
		}
	}},
	{"destination-malformed", destinations, OpenSSH, Adds, "A destination constraint that is incomplete, cut off or has unknown parts is refused.", func(t *T) {
		h := newHost()
		good := h.at("host", "")
		t.AddFor(restrict(leads(end{}, good)))
		whole := restrict(leads(end{}, good))
		for what, constraint := range map[string][]byte{
			"a user at its start":            restrict(leads(end{user: "git"}, good)),
			"a start without a key":          restrict(leads(end{name: "from"}, good)),
			"a start without a name":         restrict(leads(end{keys: good.keys}, good)),
			"no name of the host":            restrict(leads(end{}, end{keys: good.keys})),
			"no key of the host":             restrict(leads(end{}, end{name: "host"})),
			"a key that is none":             restrict(leads(end{}, end{name: "host", keys: [][]byte{[]byte("no key")}})),
			"an unknown part of the host":    restrict(leads(end{}, end{name: "host", keys: good.keys, reserved: "x"})),
			"an unknown part":                restrict(str(slices.Concat(str(end{}.bytes()), str(good.bytes()), str("x")))),
			"a second one that is cut off":   restrict(leads(end{}, good), u32(1000)),
			"its end cut off":                whole[:len(whole)-5],
			"another restriction beside it":  slices.Concat(whole, whole),
			"a length beyond the message":    constraintExtension(extRestrict, u32(1<<31), leads(end{}, good)),
			"a host of which a byte remains": restrict(str(slices.Concat(str(end{}.bytes()), str(append(good.bytes(), 7)), str("")))),
		} {
			key := newKey(ssh.KeyAlgoED25519)
			t.Refused(key, key.add(constraint), "with a constraint that has "+what)
		}
	}},
	{"destination-limits", "OpenSSH ssh-agent.c", OpenSSH, Adds, "1,024 destinations and a user pattern of 256 bytes are taken, and no more.", func(t *T) {
		h := newHost()
		one := leads(end{}, h.at("host", ""))
		t.AddFor(restrict(one))
		for what, constraint := range map[string][2][]byte{
			"destinations":         {restrict(slices.Repeat([][]byte{one}, 1024)...), restrict(slices.Repeat([][]byte{one}, 1025)...)},
			"bytes of the pattern": {restrict(leads(end{}, h.at("host", strings.Repeat("x", 256)))), restrict(leads(end{}, h.at("host", strings.Repeat("x", 257))))},
		} {
			if !t.tryAdd(newKey(ssh.KeyAlgoED25519), constraint[0]) {
				t.Failf("the key was refused with as many %s as may be", what)
			}
			key := newKey(ssh.KeyAlgoED25519)
			t.Refused(key, key.add(constraint[1]), "with one too many of the "+what)
		}
	}},
}

// detour is a login that a constrained key must not sign. As it is made, it is the one
// that it may sign.
type detour struct {
	home, other host
	binds       way
	forwarding  bool
	broken      bool   // a session-bind that fails comes first
	session     []byte // nil: the one that is bound last
	user        string
	at          host
	data        []byte // instead of the login; nil: the login
}

// keepsTo is the rule that a key for logins of git at one host makes no signature for
// another one; that it makes the right one is tried first.
func keepsTo(name, what string, change func(*detour)) Rule {
	return Rule{name, destinations, OpenSSH, Adds, "A key for one host makes no signature " + what + ".", func(t *T) {
		home := newHost()
		d := detour{home: home, other: newHost(), binds: way{home}, user: "git", at: home}
		key := t.AddFor(restrict(leads(end{}, home.at("host", "git"))))
		if !t.goes(d, key) {
			t.Skipf("it makes none for its own host either")
		}
		change(&d)
		if t.goes(d, key) {
			t.Failf("a signature was made %s", what)
		}
	}}
}

func (t *T) goes(d detour, key testKey) bool {
	c := t.Connect()
	defer c.Close()
	if d.broken {
		c.Number(bindMessage(d.home.blob, newSession(), d.home.signature(newSession()), boolean(false)))
	}
	session := newSession()
	if len(d.binds) > 0 {
		session = d.binds.bind(c, d.forwarding)
	}
	if d.session != nil {
		session = d.session
	}
	data := d.data
	if data == nil {
		data = hostbound(key, session, d.user, d.at.blob)
	}
	return c.Signs(key, data)
}

// certify returns a host with a certificate in this name, by h as the authority.
func (h host) certify(name string) host {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(err)
	key, err := ssh.NewPublicKey(public)
	must(err)
	certified := hostOf(private, ssh.KeyAlgoED25519)
	certificate := &ssh.Certificate{Key: key, CertType: ssh.HostCert, KeyId: "agentconform", ValidPrincipals: []string{name},
		ValidAfter: uint64(time.Now().Add(-time.Hour).Unix()), ValidBefore: uint64(time.Now().Add(time.Hour).Unix())}
	must(certificate.SignCert(rand.Reader, h.key))
	certified.blob = certificate.Marshal()
	return certified
}
