package agent

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/agent/publickey"
	"github.com/keybroker/keybroker/agent/wire"
	"github.com/keybroker/keybroker/confirm"
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
	for _, kind := range []string{"ssh-future@example.com", publickey.MLDSA44Ed25519Certificate} {
		c.ask(wire.AddIdentity{KeyType: kind, Private: ssh.Marshal(struct{ A, B string }{"a", "b"})})
		if last := r.last(); !strings.Contains(last.Reason, kind) || strings.Contains(last.Remedy, "makers") {
			t.Errorf("%s: %s / %s", kind, last.Reason, last.Remedy)
		}
	}
}
