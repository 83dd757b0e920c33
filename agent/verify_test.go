package agent

import (
	"crypto/ed25519"
	"crypto/rand"
	"testing"

	"golang.org/x/crypto/ssh"
)

// FuzzEd25519: what our check takes, crypto/ed25519 takes, and the other way round.
func FuzzEd25519(f *testing.F) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	good := ed25519.Sign(private, []byte("message"))
	changed := append([]byte{}, good...)
	changed[40] ^= 1
	notCanonical := append([]byte{}, good...)
	notCanonical[63] |= 0xf0
	for _, signature := range [][]byte{good, changed, notCanonical, good[:63], make([]byte, 64)} {
		f.Add([]byte(public), []byte("message"), signature)
	}
	f.Add(make([]byte, 32), []byte("message"), good) // a point of small order
	f.Add([]byte{2}, []byte("message"), good)        // no point at all
	f.Fuzz(func(t *testing.T, public, message, signature []byte) {
		var v verifier
		if len(public) != ed25519.PublicKeySize {
			if v.ed25519(public, message, signature) {
				t.Fatal("a key of the wrong length verifies")
			}
			return
		}
		if ours, theirs := v.ed25519(public, message, signature), ed25519.Verify(public, message, signature); ours != theirs {
			t.Fatalf("key %x, message %x, signature %x: ours %v, crypto/ed25519 %v", public, message, signature, ours, theirs)
		}
	})
}

func TestFaultySignaturesDoNotPass(t *testing.T) {
	var v verifier
	for name, private := range privateKeys(t) {
		signer, err := ssh.NewSignerFromKey(private)
		if err != nil {
			t.Fatal(err)
		}
		algorithm := signer.PublicKey().Type()
		if name == "rsa" {
			algorithm = ssh.KeyAlgoRSASHA256
		}
		signature, err := signer.(ssh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, []byte("data"), algorithm)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.verify(signer.PublicKey(), []byte("data"), signature, algorithm); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := v.verify(signer.PublicKey(), []byte("other data"), signature, algorithm); err == nil {
			t.Errorf("%s: other data passes", name)
		}
		if err := v.verify(signer.PublicKey(), []byte("data"), signature, "ssh-other"); err == nil {
			t.Errorf("%s: another algorithm passes", name)
		}
		for i := range signature.Blob {
			signature.Blob[i] ^= 1
			if err := v.verify(signer.PublicKey(), []byte("data"), signature, algorithm); err == nil {
				t.Errorf("%s: passes with a changed byte %d", name, i)
			}
			signature.Blob[i] ^= 1
		}
	}
}

// The keys beyond the bound are verified all the same, by crypto/ed25519.
func TestTablesHaveABound(t *testing.T) {
	var v verifier
	for range maxTables + 2 {
		_, private, _ := ed25519.GenerateKey(rand.Reader)
		signer, _ := ssh.NewSignerFromKey(private)
		signature, err := signer.Sign(rand.Reader, []byte("data"))
		if err != nil {
			t.Fatal(err)
		}
		if err := v.verify(signer.PublicKey(), []byte("data"), signature, ssh.KeyAlgoED25519); err != nil {
			t.Error(err)
		}
		if err := v.verify(signer.PublicKey(), []byte("other"), signature, ssh.KeyAlgoED25519); err == nil {
			t.Error("other data passes")
		}
	}
	if len(v.edwards.byKey) != maxTables {
		t.Errorf("%d tables are kept, want %d", len(v.edwards.byKey), maxTables)
	}
}
