package wire

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestLoginWithACertificateOfTheKey: ssh asks for the plain key's signature.
func TestLoginWithACertificateOfTheKey(t *testing.T) {
	newKey := func() ssh.Signer {
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
	certificate := func(of ssh.PublicKey, kind uint32) []byte {
		cert := &ssh.Certificate{Key: of, CertType: kind}
		if err := cert.SignCert(rand.Reader, newKey()); err != nil {
			t.Fatal(err)
		}
		return cert.Marshal()
	}
	mine, other := newKey().PublicKey(), newKey().PublicKey()
	blob := certificate(mine, ssh.UserCert)
	for name, test := range map[string]struct {
		inData, asked []byte
		login         bool
	}{
		"the certificate itself":         {blob, blob, true},
		"a certificate of the key":       {blob, mine.Marshal(), true},
		"a certificate of another key":   {certificate(other, ssh.UserCert), mine.Marshal(), false},
		"a host's":                       {certificate(mine, ssh.HostCert), mine.Marshal(), false},
		"the key, for its certificate":   {mine.Marshal(), blob, false},
		"another certificate of the key": {certificate(mine, ssh.UserCert), blob, false},
	} {
		p := PurposeOf(login(func(u *userauth) { u.key = test.inData }), test.asked)
		if (p.Kind == KindLogin) != test.login || !test.login && !strings.Contains(p.Why, "a different key") {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
