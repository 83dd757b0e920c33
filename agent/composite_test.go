package agent

import (
	"crypto/fips140"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// newComposite is a key of OpenSSH 10.5's own kind, and how ssh-add sends it.
func newComposite(t *testing.T) (*publickey.CompositeSigner, wire.AddIdentity) {
	t.Helper()
	seeds := make([]byte, publickey.CompositeSeeds)
	if _, err := rand.Read(seeds); err != nil {
		t.Fatal(err)
	}
	signer, err := publickey.NewCompositeSigner(seeds, nil)
	if err != nil {
		t.Fatal(err)
	}
	var public struct {
		Type   string
		Packed []byte
	}
	if err := ssh.Unmarshal(signer.PublicKey().Marshal(), &public); err != nil {
		t.Fatal(err)
	}
	return signer, wire.AddIdentity{KeyType: public.Type, Comment: "new", Private: ssh.Marshal(struct{ Public, Seeds []byte }{public.Packed, seeds})}
}

func TestCompositeKeyIsAddedAndSigns(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("it signs with what FIPS 140-3 mode refuses")
	}
	r := newRig(t)
	r.prompt.answer = say(confirm.AllowOnce)
	signer, add := newComposite(t)
	c := r.connect()
	if reply := c.ask(add); reply != wire.Success {
		t.Fatalf("%#v: %s", reply, r.last().Reason)
	}
	list := c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer)
	blob := signer.PublicKey().Marshal()
	if string(list.Identities[0].KeyBlob) != string(blob) || list.Identities[0].Comment != "new" {
		t.Errorf("%+v", list)
	}
	reply, ok := c.ask(wire.SignRequest{KeyBlob: blob, Data: gitData("x")}).(wire.SignResponse)
	var signature ssh.Signature
	if !ok || ssh.Unmarshal(reply.Signature, &signature) != nil || signer.PublicKey().Verify(gitData("x"), &signature) != nil {
		t.Errorf("%#v", reply)
	}
	if key := r.last().Key; key.Type != publickey.MLDSA44Ed25519 || key.Fingerprint != ssh.FingerprintSHA256(signer.PublicKey()) {
		t.Errorf("%+v", key)
	}
	add.Private[len(add.Private)-1] ^= 1 // the halves do not belong together
	if reply := c.ask(add); reply != wire.Failure || !strings.Contains(r.last().Reason, "does not belong") {
		t.Errorf("%#v: %s", reply, r.last().Reason)
	}
}

// compositeCertificate is one for key by authority, and how ssh-add sends it.
func compositeCertificate(t *testing.T, kind uint32, key *publickey.CompositeSigner, authority ssh.Signer, principal string) (ssh.PublicKey, wire.AddIdentity) {
	t.Helper()
	unsigned := ssh.Marshal(struct {
		Type, Nonce, Key                   string
		Serial                             uint64
		Kind                               uint32
		KeyID, Principals                  string
		After, Before                      uint64
		Critical, Extensions, Reserved, CA string
	}{publickey.MLDSA44Ed25519Certificate, "nonce", string(key.Packed()), 7, kind, "id", string(ssh.Marshal(struct{ P string }{principal})),
		0, ssh.CertTimeInfinity, "", "", "", string(authority.PublicKey().Marshal())})
	signature := must(authority.Sign(rand.Reader, unsigned))
	blob := append(unsigned, ssh.Marshal(struct{ S []byte }{ssh.Marshal(signature)})...)
	return must(publickey.Parse(blob)), wire.AddIdentity{KeyType: publickey.MLDSA44Ed25519Certificate, Comment: "certified",
		Private: ssh.Marshal(struct{ Certificate, Seeds []byte }{blob, key.Seeds()})}
}

func TestCertificateForACompositeIsAddedAndSigns(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("it signs with what FIPS 140-3 mode refuses")
	}
	r := newRig(t)
	r.prompt.answer = say(confirm.AllowOnce)
	key, _ := newComposite(t)
	authority, _ := newComposite(t)
	cert, add := compositeCertificate(t, ssh.UserCert, key, authority, "anna")
	c := r.connect()
	if reply := c.ask(add); reply != wire.Success {
		t.Fatalf("%#v: %s", reply, r.last().Reason)
	}
	list := c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer)
	if string(list.Identities[0].KeyBlob) != string(cert.Marshal()) {
		t.Errorf("%+v", list)
	}
	reply, ok := c.ask(wire.SignRequest{KeyBlob: cert.Marshal(), Data: gitData("x")}).(wire.SignResponse)
	var signature ssh.Signature
	if !ok || ssh.Unmarshal(reply.Signature, &signature) != nil || key.PublicKey().Verify(gitData("x"), &signature) != nil {
		t.Errorf("%#v: %s", reply, r.last().Reason)
	}
	if used := r.last().Key; used.Type != publickey.MLDSA44Ed25519Certificate || used.Fingerprint != ssh.FingerprintSHA256(key.PublicKey()) {
		t.Errorf("%+v", used)
	}
	other, _ := newComposite(t)
	for reason, wrong := range map[string]wire.AddIdentity{
		"for another key":               {KeyType: add.KeyType, Private: ssh.Marshal(struct{ C, S []byte }{cert.Marshal(), other.Seeds()})},
		"in the place of a certificate": {KeyType: add.KeyType, Private: ssh.Marshal(struct{ C, S []byte }{key.PublicKey().Marshal(), key.Seeds()})},
		"its authority did not sign":    {KeyType: add.KeyType, Private: ssh.Marshal(struct{ C, S []byte }{lastByteChanged(cert.Marshal()), key.Seeds()})},
	} {
		if reply := c.ask(wrong); reply != wire.Failure || !strings.Contains(r.last().Reason, reason) {
			t.Errorf("%s: %#v: %s", reason, reply, r.last().Reason)
		}
	}
}

func lastByteChanged(blob []byte) []byte {
	blob[len(blob)-1] ^= 1
	return blob
}

// A login with such a certificate is known for one, signed by the key or the certificate.
func TestAuthoritySignsForAComposite(t *testing.T) {
	key, _ := newComposite(t)
	authority, _ := newComposite(t)
	cert, _ := compositeCertificate(t, ssh.UserCert, key, authority, "anna")
	says, _ := publickey.CertificateOf(cert)
	blob := cert.Marshal()
	unsigned := blob[:len(blob)-4-len(ssh.Marshal(says.Signature))]
	p := wire.PurposeOf(unsigned, authority.PublicKey().Marshal())
	if p.Kind != wire.KindCertificate || p.Algorithm != publickey.MLDSA44Ed25519Certificate || p.Certificate.Principals[0] != "anna" ||
		p.Certificate.Fingerprint != ssh.FingerprintSHA256(key.PublicKey()) {
		t.Errorf("%+v", p)
	}
	for _, signs := range [][]byte{blob, key.PublicKey().Marshal()} {
		login := wire.PurposeOf(loginData("session", "anna", blob, nil), signs)
		if login.Kind != wire.KindLogin || login.User != "anna" {
			t.Errorf("%+v", login)
		}
	}
}

// A host with a certificate of such a key has the names that its authority's line is for.
func TestCertificateOfACompositeHost(t *testing.T) {
	key, _ := newComposite(t)
	authority, _ := newComposite(t)
	path := hostsText(t, "@cert-authority *.example.com "+string(ssh.MarshalAuthorizedKey(authority.PublicKey())))
	r := newRigWith(t, func(c *Config) { c.Hosts = NewKnownHosts(path) })
	r.prompt.answer = say(confirm.AllowOnce)
	for principal, want := range map[string]string{"web.example.com": "web.example.com", "web.example.net": ""} {
		cert, _ := compositeCertificate(t, ssh.HostCert, key, authority, principal)
		c := r.connect()
		session := "session " + principal
		signature := must(key.Sign(rand.Reader, []byte(session)))
		bind := wire.SessionBind{HostKey: cert.Marshal(), SessionID: []byte(session), Signature: ssh.Marshal(signature)}
		if reply := c.ask(wire.Extension{Name: wire.ExtSessionBind, Contents: bind.Marshal()}); reply != wire.Success {
			t.Fatalf("%#v: %s", reply, r.last().Reason)
		}
		c.ask(r.sign(loginData(session, "anna", r.source.Info().Blob, cert.Marshal())))
		if d := r.last().Destination; strings.Join(d.Host.Names, ",") != want || !d.Trust.Proved() {
			t.Errorf("%s: %+v", principal, d)
		}
	}
}

// A line of known_hosts gives such a host its names.
func TestKnownHostsNameACompositeHost(t *testing.T) {
	signer, _ := newComposite(t)
	path := hostsText(t, "web.example.com,192.0.2.7 "+string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	hosts := NewKnownHosts(path)
	if host := looking(hosts, nil, "").namesOf(host{signer}); strings.Join(host.Names, ",") != "web.example.com,192.0.2.7" {
		t.Errorf("%+v", host)
	}
	other, _ := newComposite(t)
	if host := looking(hosts, nil, "").namesOf(host{other}); len(host.Names) > 0 {
		t.Errorf("%+v", host)
	}
}

// A host with such a key proves itself, and no other does with its signature.
func TestCompositeHostKeyIsProved(t *testing.T) {
	r := newRig(t)
	r.prompt.answer = say(confirm.AllowOnce)
	signer, _ := newComposite(t)
	h := host{signer}
	c := r.connect()
	if reply := c.ask(h.bind("session", false)); reply != wire.Success {
		t.Fatalf("%#v: %s", reply, r.last().Reason)
	}
	c.ask(r.sign(loginData("session", "anna", r.source.Info().Blob, h.blob())))
	if d := r.last().Destination; d.Host.Fingerprint != ssh.FingerprintSHA256(signer.PublicKey()) || d.Trust == keys.TrustNone {
		t.Errorf("%+v", d)
	}
	other, _ := newComposite(t)
	false1 := host{other}.bind("session 2", false)
	wrong := wire.SessionBind{HostKey: h.blob(), SessionID: []byte("session 2"), Signature: must(wire.ParseSessionBind(false1.Contents)).Signature}
	if reply := r.connect().ask(wire.Extension{Name: wire.ExtSessionBind, Contents: wrong.Marshal()}); reply != wire.ExtensionFailure ||
		!strings.Contains(r.last().Reason, "does not verify") {
		t.Errorf("%#v: %s", reply, r.last().Reason)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Keys of a kind that is not known are named, and nobody is blamed for them.
func TestUnknownKindsAreNamed(t *testing.T) {
	r := newRig(t)
	c := r.connect()
	for _, kind := range []string{"ssh-future@example.com", "ssh-future-cert-v01@openssh.com"} {
		c.ask(wire.AddIdentity{KeyType: kind, Private: ssh.Marshal(struct{ A, B string }{"a", "b"})})
		if last := r.last(); !strings.Contains(last.Reason, kind) || strings.Contains(last.Remedy, "makers") {
			t.Errorf("%s: %s / %s", kind, last.Reason, last.Remedy)
		}
	}
}
