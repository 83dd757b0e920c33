//go:build linux && !nopcsc

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
	source, card := oneCard(t, cardkeys.Config{Person: keystest.Asked(func(context.Context, keys.Question) ([]byte, error) {
		return []byte(pivtest.DefaultPIN), nil
	})})
	for range 2 {
		if _, err := source.Sign(t.Context(), &keys.Use{Key: source.List()[0]}, []byte("x"), ssh.KeyAlgoECDSA256); err != nil {
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
