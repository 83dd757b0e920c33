package agent

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// addCertificate adds a key with a certificate that is valid until a time.
func (r *rig) addCertificate(t *testing.T, until time.Time) *ssh.Certificate {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, ValidBefore: uint64(until.Unix())}
	if err := cert.SignCert(rand.Reader, signer); err != nil {
		t.Fatal(err)
	}
	if _, err := r.server.Ring.Add(keys.Added{PrivateKey: &private, Certificate: cert}); err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestExpiredCertificates are not listed and sign nothing, but as ssh-agent's do.
func TestExpiredCertificates(t *testing.T) {
	for _, test := range []struct {
		name    string
		asAgent bool
		until   time.Duration
		serves  bool
	}{
		{"valid", false, time.Hour, true},
		{"expired", false, -time.Hour, false},
		{"expired, as ssh-agent", true, -time.Hour, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRigWith(t, func(c *Config) { c.ExpiredCertificates = test.asAgent }, allowAll)
			cert := r.addCertificate(t, time.Now().Add(test.until))
			c := r.connect()
			listed := len(c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer).Identities) == 2
			reply := c.ask(wire.SignRequest{KeyBlob: cert.Marshal(), Data: loginData("s", "git", cert.Marshal(), nil)})
			_, signs := reply.(wire.SignResponse)
			if listed != test.serves || signs != test.serves {
				t.Errorf("listed %v, signs %v", listed, signs)
			}
			if last := r.last(); !test.serves && (!strings.Contains(last.Reason, "the certificate is not used: expired on 20") || last.Remedy == "") {
				t.Errorf("%+v", last)
			}
		})
	}
}
