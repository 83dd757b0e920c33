package agent

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
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

// The keys beyond the bound are verified all the same, by the standard library.
func TestTablesHaveABound(t *testing.T) {
	for name, make := range map[string]func() any{
		"ed25519": func() any { _, private, _ := ed25519.GenerateKey(rand.Reader); return private },
		"P-256":   func() any { private, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); return private },
	} {
		t.Run(name, func(t *testing.T) {
			var v verifier
			for range maxTables + 2 {
				takesOnlyItsOwn(t, &v, make())
			}
			if kept := len(v.edwards.byKey) + len(v.nist.byKey); kept != maxTables {
				t.Errorf("%d tables are kept, want %d", kept, maxTables)
			}
		})
	}
}

func takesOnlyItsOwn(t *testing.T, v *verifier, private any) {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signer.Sign(rand.Reader, []byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.verify(signer.PublicKey(), []byte("data"), signature, signature.Format); err != nil {
		t.Error(err)
	}
	if err := v.verify(signer.PublicKey(), []byte("other"), signature, signature.Format); err == nil {
		t.Error("other data passes")
	}
}

// FuzzP256: what our check takes, crypto/ecdsa takes, and the other way round.
func FuzzP256(f *testing.F) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	digest := sha256.Sum256([]byte("message"))
	r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
	if err != nil {
		f.Fatal(err)
	}
	point, _ := private.PublicKey.Bytes()
	n := private.Params().N
	other := new(big.Int).Sub(n, s) // verifies as well
	for _, pair := range [][2]*big.Int{{r, s}, {s, r}, {r, other}, {new(big.Int).Add(r, n), s}, {r, new(big.Int).Add(s, n)}, {n, n}, {new(big.Int), s}, {r, new(big.Int)}} {
		f.Add(point, []byte("message"), pair[0].Bytes(), pair[1].Bytes())
	}
	f.Add(point[:64], []byte("message"), r.Bytes(), s.Bytes())
	f.Add([]byte{0}, []byte("message"), r.Bytes(), s.Bytes()) // the point at infinity
	f.Fuzz(func(t *testing.T, point, message, r, s []byte) {
		pair := struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)}
		ours, theirs := new(verifier).p256(point, message, ssh.Marshal(pair)), false
		if public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err == nil {
			digest := sha256.Sum256(message)
			theirs = ecdsa.Verify(public, digest[:], pair.R, pair.S)
		}
		if ours != theirs {
			t.Fatalf("point %x, message %x, r %x, s %x: ours %v, crypto/ecdsa %v", point, message, r, s, ours, theirs)
		}
	})
}

func BenchmarkVerifyP256(b *testing.B) {
	private, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	signer, _ := ssh.NewSignerFromKey(private)
	signature, err := signer.Sign(rand.Reader, []byte("data"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("table", func(b *testing.B) {
		for v := new(verifier); b.Loop(); {
			if !v.soon(signer.PublicKey(), []byte("data"), signature) {
				b.Fatal("it does not verify")
			}
		}
	})
	b.Run("crypto/ecdsa", func(b *testing.B) {
		for b.Loop() {
			if err := signer.PublicKey().Verify([]byte("data"), signature); err != nil {
				b.Fatal(err)
			}
		}
	})
}
