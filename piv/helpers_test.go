package piv

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/piv/pivtest"
)

// virtual is a pivtest card without a PC/SC service in between. It checks what
// every reader of its protocol would refuse.
type virtual struct {
	*pivtest.Card
	t testing.TB
}

func (v virtual) T0() bool { return v.Character().T0 }

func (v virtual) Transmit(ctx context.Context, apdu []byte) ([]byte, error) {
	if v.T0() && (len(apdu) < 5 || (len(apdu) > 5 && len(apdu) != 5+int(apdu[4]))) {
		v.t.Errorf("not a T=0 command: %x", apdu[:min(len(apdu), 5)])
	}
	return v.Card.Transmit(apdu)
}

// script is a card that says what a test wrote down.
type script struct {
	t     testing.TB
	lines []string // "> 00A4…" expects a command, "< 9000" answers
}

func (s *script) Transmit(_ context.Context, apdu []byte) ([]byte, error) {
	got := strings.ToUpper(hex.EncodeToString(apdu))
	if len(s.lines) < 2 || s.lines[0] != "> "+got {
		s.t.Fatalf("card got %s, want %q", got, s.lines[:min(len(s.lines), 1)])
	}
	answer := strings.TrimPrefix(s.lines[1], "< ")
	s.lines = s.lines[2:]
	return unhex(s.t, answer), nil
}

func (s *script) end() {
	s.t.Helper()
	if len(s.lines) > 0 {
		s.t.Errorf("never sent: %q", s.lines)
	}
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func must1[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newCard(t testing.TB, character pivtest.Character) *pivtest.Card {
	t.Helper()
	card := pivtest.NewCard(t, character)
	card.PowerOn()
	return card
}

func selected(t testing.TB, card *pivtest.Card) *Applet {
	t.Helper()
	return must1(Select(t.Context(), virtual{card, t}))(t)
}

func sshKey(t testing.TB, pub crypto.PublicKey) ssh.PublicKey {
	t.Helper()
	return must1(ssh.NewPublicKey(pub))(t)
}

// sshAlgorithm is the algorithm that OpenSSH would ask for.
func sshAlgorithm(pub ssh.PublicKey) string {
	if pub.Type() == ssh.KeyAlgoRSA {
		return ssh.KeyAlgoRSASHA512
	}
	return pub.Type()
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// eventually waits for what other goroutines do; the time is a safety net.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// privateKey makes one key for each algorithm in a run: RSA-4096 takes seconds.
func privateKey(t testing.TB, alg Algorithm) crypto.Signer {
	t.Helper()
	keys.Lock()
	defer keys.Unlock()
	if keys.made[alg] == nil {
		keys.made[alg] = must1(generate(alg))(t)
	}
	return keys.made[alg]
}

var keys = struct {
	sync.Mutex
	made map[Algorithm]crypto.Signer
}{made: map[Algorithm]crypto.Signer{}}

func generate(alg Algorithm) (crypto.Signer, error) {
	switch alg {
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return rsa.GenerateKey(rand.Reader, alg.rsaBytes()*8)
}

func verify(ctx context.Context, h *Handle) error {
	return h.Do(ctx, func(a *Applet) error { return a.Verify(ctx, []byte(pivtest.DefaultPIN)) })
}

// describeCard selects the PIV application and reads the contents of the card.
func describeCard(ctx context.Context, card Card) (*Token, error) {
	a, err := Select(ctx, card)
	if err != nil {
		return nil, err
	}
	return a.Describe(ctx)
}
