//go:build linux && !nopcsc

package cardkeys_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/piv/pivtest"
)

// oneCard is a source of keys with one card, whose key in 9A asks by the usual policy.
func oneCard(t *testing.T, config cardkeys.Config) (*cardkeys.Source, *pivtest.Card) {
	t.Helper()
	rig := pivtest.NewRig(t)
	source, err := cardkeys.New(config)
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
	return source, card
}

// A card that has forgotten the PIN gets the kept one again, once: when it goes
// on refusing, that is the end of the request.
func TestAKeptPINIsGivenAgainOnce(t *testing.T) {
	asked := 0
	source, card := oneCard(t, cardkeys.Config{PINCache: time.Hour, Person: keystest.Asked(func(context.Context, keys.Question) ([]byte, error) {
		asked++
		return []byte(pivtest.DefaultPIN), nil
	})})
	sign := func() (verifies int, err error) {
		before := card.Counts().Verifies
		_, err = source.Sign(t.Context(), &keys.Use{Key: source.List()[0]}, []byte("x"), ssh.KeyAlgoECDSA256)
		return card.Counts().Verifies - before, err
	}
	if n, err := sign(); err != nil || n != 1 || asked != 1 {
		t.Fatalf("the first: %v, %d times VERIFY, asked %d times", err, n, asked)
	}
	card.ForgetPIN()
	if n, err := sign(); err != nil || n != 1 {
		t.Errorf("a PIN that was forgotten: %v, %d times VERIFY", err, n)
	}
	card.RefuseToSign(true)
	if n, err := sign(); !errors.Is(err, piv.StatusSecurityNotSatisfied) || n != 1 {
		t.Errorf("a card that goes on refusing: %v, %d times VERIFY", err, n)
	}
	card.RefuseToSign(false)
	if _, err := sign(); err != nil || asked != 1 {
		t.Errorf("afterwards: %v, asked %d times", err, asked)
	}
}
