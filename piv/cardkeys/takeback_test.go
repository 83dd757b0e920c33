//go:build linux && cgo && !nopcsc

package cardkeys_test

import (
	"context"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/piv/pivtest"
)

// A PIN that is not kept leaves the card in the transaction in which it was given:
// another program that waits for its turn never finds it there.
func TestAPINThatIsNotKeptIsTakenBackAtOnce(t *testing.T) {
	rig := pivtest.NewRig(t)
	source, err := cardkeys.New(cardkeys.Config{Person: keystest.Asked(func(context.Context, keys.Question) ([]byte, error) {
		return []byte(pivtest.DefaultPIN), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	card := pivtest.NewCard(t, pivtest.YubiKey5())
	if _, err := card.Provision(0x9a, pivtest.AlgP256, pivtest.Policy{}); err != nil {
		t.Fatal(err)
	}
	if err := rig.Insert(0, card); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the card is in", func() bool { return in(source) == 1 })
	for range 2 {
		if _, err = source.Sign(t.Context(), &keys.Use{Key: source.List()[0]}, []byte("x"), ssh.KeyAlgoECDSA256); err != nil {
			t.Fatal(err)
		}
		if card.PINVerified() {
			t.Error("the card is open for every program")
		}
	}
	if card.Counts().Verifies != 2 {
		t.Errorf("%d times VERIFY", card.Counts().Verifies)
	}
}
