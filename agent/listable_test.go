package agent

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// A key that would hide all others from OpenSSH's programs is not taken.
func TestAddRefusesWhatHidesTheList(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate := func(id string) *ssh.Certificate {
		c := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, KeyId: id, ValidBefore: ssh.CertTimeInfinity}
		if err := c.SignCert(rand.Reader, signer); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for name, test := range map[string]struct {
		key  sshagent.AddedKey
		want string // "": it is taken
	}{
		"a comment":          {sshagent.AddedKey{Comment: "laptop"}, ""},
		"a comment with NUL": {sshagent.AddedKey{Comment: "lap\x00top"}, "the comment has a NUL byte"},
		"a certificate":      {sshagent.AddedKey{Certificate: certificate("anna")}, ""},
		"its ID with NUL":    {sshagent.AddedKey{Certificate: certificate("an\x00na")}, "key ID or principals have a NUL byte"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			test.key.PrivateKey = private
			err := r.library().Add(test.key)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(r.last().Reason, test.want) {
				t.Errorf("%v; %+v", err, r.last())
			}
		})
	}
}

// listing lists what it is made of.
type listing struct {
	*keystest.Source
	infos []keys.Info
}

func (s listing) List() []keys.Info { return s.infos }

// Whatever a source says, the list stays one that OpenSSH's programs read.
func TestListLeavesOutWhatHidesIt(t *testing.T) {
	good, named, faulty := keystest.New("good"), keystest.New("na\x00med"), keystest.New("faulty")
	c := &ssh.Certificate{Key: faulty.Info().PublicKey, CertType: ssh.UserCert, KeyId: "x", ValidBefore: ssh.CertTimeInfinity,
		SignatureKey: faulty.Info().PublicKey, Signature: &ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: make([]byte, ed25519.SignatureSize)}}
	source := listing{good, []keys.Info{good.Info(), named.Info(), keys.NewInfo(c, "faulty")}}
	r := newRigWith(t, func(c *Config) { c.Ring = keys.NewRing(source) })
	for range 2 { // the second time it is remembered
		answer, ok := r.connect().ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer)
		if !ok || len(answer.Identities) != 2 || answer.Identities[0].Comment != "good" || answer.Identities[1].Comment != `na\x00med` {
			t.Errorf("%+v", answer)
		}
	}
}
