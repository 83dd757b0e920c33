package wire

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func newSigner(t testing.TB) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// toSign returns the data that a CA signs: the certificate without the signature.
func toSign(t testing.TB, authority ssh.Signer, change func(*ssh.Certificate)) []byte {
	t.Helper()
	cert := &ssh.Certificate{
		Key: newSigner(t).PublicKey(), CertType: ssh.UserCert, KeyId: "anna", Serial: 7,
		ValidPrincipals: []string{"deploy", "backup"}, ValidAfter: 1, ValidBefore: 2,
		Permissions: ssh.Permissions{CriticalOptions: map[string]string{"force-command": "/bin/true", "verify-required": ""}},
	}
	if change != nil {
		change(cert)
	}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	cert.Signature = nil
	data := cert.Marshal()
	return data[:len(data)-4]
}

func TestCertificateToBeSigned(t *testing.T) {
	authority := newSigner(t)
	blob := authority.PublicKey().Marshal()
	p := PurposeOf(toSign(t, authority, nil), blob)
	c := p.Certificate
	if p.String() != "certificate:user" || c.KeyID != "anna" || c.Serial != 7 || !slices.Equal(c.Principals, []string{"deploy", "backup"}) ||
		c.ValidAfter != 1 || c.ValidBefore != 2 || !strings.HasPrefix(c.Fingerprint, "SHA256:") ||
		!slices.Equal(c.Options, []string{"force-command=/bin/true", "verify-required"}) {
		t.Errorf("%+v %+v", p, c)
	}
	host := toSign(t, authority, func(c *ssh.Certificate) { c.CertType = ssh.HostCert })
	if p := PurposeOf(host, blob); p.String() != "certificate:host" {
		t.Errorf("%+v", p)
	}
	for name, test := range map[string]struct {
		data, key []byte
		why       string
	}{
		"another authority": {toSign(t, authority, nil), newSigner(t).PublicKey().Marshal(), "another authority"},
		"neither":           {toSign(t, authority, func(c *ssh.Certificate) { c.CertType = 3 }), blob, "neither for a user"},
		"a trailing byte":   {append(toSign(t, authority, nil), 0), blob, "cannot be read"},
		"cut":               {toSign(t, authority, nil)[:200], blob, "cannot be read"},
	} {
		if p := PurposeOf(test.data, test.key); p.Kind != KindUnknown || !strings.Contains(p.Why, test.why) {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

type sudoRequest struct {
	version                            uint32
	cookie                             int
	account, user, service, dir, host  string
	command                            []string
	number                             byte
	outerUser, outerService, algorithm string
	key                                []byte
}

func sudo(change func(*sudoRequest)) []byte {
	r := sudoRequest{101, 20, "root", "anna", "sudo", "/home/anna", "box", []string{"sudo", "id"}, 54, "anna", "pam_ssh_agent_auth", "ssh-ed25519", purposeKey}
	if change != nil {
		change(&r)
	}
	session := appendBytes(binary.BigEndian.AppendUint32(nil, r.version), make([]byte, r.cookie))
	for _, field := range []string{r.account, r.user, r.service, r.dir} {
		session = appendBytes(session, field)
	}
	var action []byte
	if r.command != nil {
		action = binary.BigEndian.AppendUint32(nil, uint32(len(r.command)))
	}
	for _, arg := range r.command {
		action = appendBytes(action, arg)
	}
	session = append(appendBytes(appendBytes(session, action), r.host), make([]byte, 8)...)
	b := append(appendBytes(nil, session), r.number)
	b = appendBytes(appendBytes(appendBytes(b, r.outerUser), r.outerService), "publickey")
	return appendBytes(appendBytes(append(b, 1), r.algorithm), r.key)
}

func TestSudo(t *testing.T) {
	p := PurposeOf(sudo(nil), purposeKey)
	s := p.Sudo
	if p.String() != "sudo" || s.Account != "root" || s.User != "anna" || s.Service != "sudo" || s.Directory != "/home/anna" ||
		s.Host != "box" || !slices.Equal(s.Command, []string{"sudo", "id"}) {
		t.Errorf("%+v %+v", p, s)
	}
	if p := PurposeOf(sudo(func(r *sudoRequest) { r.command, r.dir, r.host = nil, "", "" }), purposeKey); p.Kind != KindSudo {
		t.Errorf("without a command: %+v", p)
	}
	for name, change := range map[string]func(*sudoRequest){
		"another version": func(r *sudoRequest) { r.version = 102 },
		"no cookie":       func(r *sudoRequest) { r.cookie = 0 },
		"another user":    func(r *sudoRequest) { r.outerUser = "root" },
		"no account":      func(r *sudoRequest) { r.account = "" },
		"another key":     func(r *sudoRequest) { r.key = []byte("other") },
		"the number of a login": func(r *sudoRequest) {
			r.number = 50
		},
		"a login's service": func(r *sudoRequest) { r.outerService = "ssh-connection" },
		"a login": func(r *sudoRequest) {
			r.number, r.outerService = 50, "ssh-connection"
		},
		"an endless directory": func(r *sudoRequest) { r.dir = strings.Repeat("d", 5000) },
	} {
		p := PurposeOf(sudo(change), purposeKey)
		if p.Kind == KindSudo || name == "a login" && p.Kind != KindLogin && p.Kind != KindUnknown {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	b[0] = 'x' // not what begins a message: see looksStructured
	b[1] = 0xff
	return b
}

func TestDataWithoutAForm(t *testing.T) {
	if p := PurposeOf(random(1024), purposeKey); p.Kind != KindTest {
		t.Errorf("%+v", p)
	}
	if p := PurposeOf(random(32), purposeKey); p.Kind != KindChallenge {
		t.Errorf("%+v", p)
	}
	long := login(func(u *userauth) { u.user = string(random(900)); u.key = nil })
	for name, data := range map[string][]byte{
		"one byte less":        random(1023),
		"one more":             random(1025),
		"33":                   random(33),
		"zeros":                make([]byte, 1024),
		"text":                 bytes.Repeat([]byte("allow me "), 114)[:1024],
		"a login of that size": append(long, random(1024-len(long))...),
		"random behind text":   append([]byte("-----BEGIN THING"), random(1008)...),
		"a sequence":           append([]byte{0x30, 0x82, 0x03, 0xfc}, random(1020)...),
		"a short sequence":     append([]byte{0x30, 30}, random(30)...),
		"an SSH string":        append([]byte{0, 0, 3, 0xfc}, random(1020)...),
		"an SSHSIG's head":     append([]byte(sshsigMagic), random(1018)...),
		"half of it the same":  append(random(512), make([]byte, 512)...),
		"a short text":         []byte("0123456789abcdefghijklmnopqrstuv"),
	} {
		if p := PurposeOf(data, purposeKey); p.Kind != KindUnknown {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// FuzzKinds: parsing reads all of the data, and no data is both a login and another
// kind.
func FuzzKinds(f *testing.F) {
	authority := newSigner(f)
	f.Add(toSign(f, authority, nil))
	f.Add(sudo(nil))
	f.Add(random(1024))
	f.Add(random(32))
	f.Add(login(nil))
	f.Add(sshsig("git", "", "sha512", 64))
	parsers := map[string]func(data, key []byte) (Purpose, bool){"sshsig": parseSSHSig, "certificate": parseCertificate, "sudo": parseSudo, "test": parseTest, "challenge": parseChallenge}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, key := range [][]byte{purposeKey, authority.PublicKey().Marshal()} {
			var taken []string
			for name, parse := range parsers {
				if p, ok := parse(data, key); ok && p.Kind != KindUnknown {
					taken = append(taken, name)
				}
			}
			if parseUserauth(data, key).Kind == KindLogin {
				taken = append(taken, "login")
			}
			if len(taken) > 1 {
				t.Fatalf("%x\ntaken for %q", data, taken)
			}
			if len(taken) == 1 && len(data) != testSize && len(data) != challengeSize {
				if p := PurposeOf(append(data[:len(data):len(data)], 0), key); p.Kind.Known() && p.Kind != KindTest && p.Kind != KindChallenge {
					t.Fatalf("%x\nwith one byte more is %+v", data, p)
				}
			}
		}
	})
}
