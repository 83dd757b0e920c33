package softkeys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"testing"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
)

// The keys that Go's own crypto signs with are lent; the agent verifies what
// the others sign.
func TestKeysAreLent(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	composite, err := publickey.NewCompositeSigner(make([]byte, publickey.CompositeSeeds), nil)
	if err != nil {
		t.Fatal(err)
	}
	store, _ := newStore(t)
	memory := NewMemory(Clock{})
	for name, test := range map[string]struct {
		private any
		lent    bool
	}{"ed25519": {newKey(t), true}, "ecdsa": {curve, true}, "rsa": {rsaKey, true}, "composite": {composite, false}} {
		added, err := memory.Add(keys.Added{PrivateKey: test.private})
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := store.Import(t.Context(), name, Private{Key: test.private})
		if err != nil {
			t.Fatal(err)
		}
		for _, source := range []struct {
			keys.Lender
			info keys.Info
		}{{memory, added}, {store, sealed}} {
			key, err := source.Lend(t.Context(), &keys.Use{Key: source.info})
			if err != nil || (key != nil) != test.lent || key != nil && !key.Fits(source.info.PublicKey) {
				t.Errorf("%s of %T: %v, %v", name, source.Lender, key, err)
			}
		}
		if err := memory.Remove(added.Blob); err != nil {
			t.Fatal(err)
		}
		if _, err := memory.Lend(t.Context(), &keys.Use{Key: added}); !errors.Is(err, keys.ErrNotFound) {
			t.Errorf("%s was removed: %v", name, err)
		}
	}
}
