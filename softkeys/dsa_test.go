package softkeys

import (
	"context"
	"crypto/dsa" //lint:ignore SA1019 what is tested
	"crypto/fips140"
	"crypto/rand"
	"math/big"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/keys"
)

func TestAddedDSAKeySigns(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("it signs with what FIPS 140-3 mode refuses")
	}
	key := new(dsa.PrivateKey)
	if err := dsa.GenerateParameters(&key.Parameters, rand.Reader, dsa.L1024N160); err != nil {
		t.Fatal(err)
	}
	if err := dsa.GenerateKey(key, rand.Reader); err != nil {
		t.Fatal(err)
	}
	m := NewMemory(Clock{})
	info, err := m.Add(keys.Added{PrivateKey: key})
	if err != nil {
		t.Fatal(err)
	}
	data := []byte("data")
	signature, err := m.Sign(context.Background(), &keys.Use{Key: info}, data, "ssh-dss")
	if err != nil || info.PublicKey.Verify(data, signature) != nil {
		t.Errorf("%v, %v", signature, err)
	}

	other := *key
	other.X = new(big.Int).Xor(key.X, big.NewInt(1))
	if _, err := m.Add(keys.Added{PrivateKey: &other}); err == nil || !strings.Contains(err.Error(), errKeyMismatch.Error()) {
		t.Errorf("halves that do not belong together: %v", err)
	}
	if _, err := m.Add(keys.Added{PrivateKey: &dsa.PrivateKey{}}); err == nil || !strings.Contains(err.Error(), "needs p") {
		t.Errorf("an empty one: %v", err)
	}
}
