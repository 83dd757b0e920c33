package privatekey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// device is a signer that may compute anywhere.
type device struct{ crypto.Signer }

func TestOnlyGosOwnKeysAreTaken(t *testing.T) {
	_, edwards, _ := ed25519.GenerateKey(nil)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), nil)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, private := range map[string]crypto.Signer{"ed25519": edwards, "ecdsa": curve, "rsa": rsaKey} {
		key, err := New(private)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		algorithm := ""
		if name == "rsa" {
			algorithm = ssh.KeyAlgoRSASHA256 // FIPS 140-3 mode refuses SHA-1
		}
		signature, err := key.SignWithAlgorithm(nil, []byte("data"), algorithm)
		if err != nil || key.PublicKey().Verify([]byte("data"), signature) != nil || !key.Fits(key.PublicKey()) {
			t.Errorf("%s: %v, %v", name, signature, err)
		}
		if _, err := New(device{private}); err == nil || !strings.Contains(err.Error(), "not a private key type of Go's crypto") {
			t.Errorf("%s in a device: %v", name, err)
		}
		if _, err := New(&device{private}); err == nil {
			t.Errorf("a pointer to %s in a device is taken", name)
		}
	}
}

func TestFits(t *testing.T) {
	_, private, _ := ed25519.GenerateKey(nil)
	_, other, _ := ed25519.GenerateKey(nil)
	key, err := New(private)
	if err != nil {
		t.Fatal(err)
	}
	listed, err := ssh.NewPublicKey(private.Public())
	if err != nil || !key.Fits(listed) {
		t.Errorf("its own public key: %v", err)
	}
	if listed, _ := ssh.NewPublicKey(other.Public()); key.Fits(listed) {
		t.Error("another public key fits")
	}
	private[len(private)-1] ^= 1
	if key.Fits(listed) {
		t.Error("a changed public half fits")
	}
}
