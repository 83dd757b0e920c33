package agent

import (
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// Each refusal has its twin that passes. The whole, with the mode on, is TestScripts/fips.
func TestNotApproved(t *testing.T) {
	rsaKey := func(bits int) ssh.PublicKey {
		private, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		public, err := ssh.NewPublicKey(&private.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		return public
	}
	composite, err := publickey.NewCompositeSigner(make([]byte, publickey.CompositeSeeds), nil)
	if err != nil {
		t.Fatal(err)
	}
	short, long := rsaKey(1024), rsaKey(2048)
	for name, c := range map[string]struct {
		key       ssh.PublicKey
		algorithm string
		why       string
	}{
		"RSA of 2048 bits": {long, ssh.KeyAlgoRSASHA256, ""},
		"SHA-1":            {long, ssh.KeyAlgoRSA, "SHA-1"},
		"RSA of 1024 bits": {short, ssh.KeyAlgoRSASHA512, "an RSA key of 1024 bits is too short"},
		"ML-DSA":           {composite.PublicKey(), publickey.MLDSA44Ed25519, "not approved"},
	} {
		got := notApproved(c.key, c.algorithm)
		if (got == "") != (c.why == "") || !strings.Contains(got, c.why) {
			t.Errorf("%s: %q, want %q", name, got, c.why)
		}
	}
}
