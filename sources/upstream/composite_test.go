//go:build unix

package upstream

import (
	"crypto/rand"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/wire"
)

func newComposite(t *testing.T) *publickey.CompositeSigner {
	t.Helper()
	seeds := make([]byte, publickey.CompositeSeeds)
	if _, err := rand.Read(seeds); err != nil {
		t.Fatal(err)
	}
	signer, err := publickey.NewCompositeSigner(seeds, nil)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// An agent that has such a key is listed with it, and signs.
func TestCompositeIsPassedThrough(t *testing.T) {
	signer := newComposite(t)
	signature, err := signer.Sign(rand.Reader, []byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	list := wire.IdentitiesAnswer{Identities: []wire.Identity{{KeyBlob: signer.PublicKey().Marshal(), Comment: "quantum"}}}
	s := odd(t, list.Marshal(), wire.SignResponse{Signature: ssh.Marshal(signature)}.Marshal())
	listed := s.List()
	if len(listed) != 1 || listed[0].Comment != "quantum" || listed[0].PublicKey.Type() != publickey.MLDSA44Ed25519 {
		t.Fatalf("%+v, %s", listed, problems(s))
	}
	made, err := s.Sign(t.Context(), &keys.Use{Key: listed[0]}, []byte("data"), publickey.MLDSA44Ed25519)
	if err != nil || listed[0].PublicKey.Verify([]byte("data"), made) != nil {
		t.Errorf("%v, %v", err, made)
	}
}

// A certificate of OpenSSH 10.5 is handed on with its key and its limits.
func TestCompositeIsHandedOn(t *testing.T) {
	line, err := os.ReadFile("../../keys/publickey/testdata/composite-cert.pub")
	if err != nil {
		t.Fatal(err)
	}
	cert, _, _, _, err := publickey.ParseLine(line)
	if err != nil {
		t.Fatal(err)
	}
	signer := newComposite(t)
	for kind, certificate := range map[string]ssh.PublicKey{publickey.MLDSA44Ed25519: nil, publickey.MLDSA44Ed25519Certificate: cert} {
		ours, theirs := net.Pipe()
		got := make(chan wire.AddIdentity, 1)
		go func() {
			defer theirs.Close()
			message, _ := wire.ReadFrame(theirs)
			request, _ := wire.ParseRequest(message)
			add, _ := request.(wire.AddIdentity)
			got <- add
			_ = wire.WriteFrame(theirs, wire.Success.Marshal())
		}()
		err := handOver(ours, keys.Added{PrivateKey: signer, Certificate: certificate, Comment: "c", Limits: keys.Limits{Lifetime: time.Hour, Confirm: true}})
		add := <-got
		var parts struct{ Public, Seeds []byte }
		if e := ssh.Unmarshal(add.Private, &parts); e != nil || err != nil || add.KeyType != kind || add.Comment != "c" {
			t.Errorf("%v, %v, %+v", e, err, add)
		}
		if want := string(signer.Packed()); certificate == nil && string(parts.Public) != want || certificate != nil && string(parts.Public) != string(cert.Marshal()) {
			t.Errorf("%s: another public half", kind)
		}
		if string(parts.Seeds) != string(signer.Seeds()) || len(add.Constraints) != 2 || add.Constraints[0].Lifetime != 3600 {
			t.Errorf("%s: %+v", kind, add.Constraints)
		}
		ours.Close()
	}
}

func TestRefusalToTakeACompositeIsAnError(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		defer theirs.Close()
		_, _ = wire.ReadFrame(theirs)
		_ = wire.WriteFrame(theirs, wire.Failure.Marshal())
	}()
	if err := handOver(ours, keys.Added{PrivateKey: newComposite(t)}); err == nil || !strings.Contains(err.Error(), "failure") {
		t.Error(err)
	}
}
