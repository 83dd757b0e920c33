package piv

import (
	"context"
	"crypto/fips140"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/piv/pivtest"
)

// Each algorithm on each character, in each way that commands can be carried.
func TestSign(t *testing.T) {
	characters := map[string]pivtest.Character{"yubikey": pivtest.YubiKey5(), "government": pivtest.GovernmentPIV()}
	links := map[string]func(*pivtest.Card){
		"plain":      func(*pivtest.Card) {},
		"short only": func(c *pivtest.Card) { c.ShortOnly(true) },
		"exact le":   func(c *pivtest.Card) { c.ExactLe(true) },
	}
	for name, character := range characters {
		for linkName, prepare := range links {
			t.Run(name+"/"+linkName, func(t *testing.T) {
				card := newCard(t, character)
				prepare(card)
				signAll(t, card)
			})
		}
	}
}

func signAll(t *testing.T, card *pivtest.Card) {
	slot := slotFirstRetired + 1
	for _, alg := range card.Character().Algorithms {
		if testing.Short() && alg == pivtest.AlgRSA4096 {
			continue
		}
		private := privateKey(t, Algorithm(alg))
		if err := card.SetKey(byte(slot), private, pivtest.Policy{}); err != nil {
			t.Fatal(err)
		}
		pub := sshKey(t, private.Public())
		card.PowerOn() // forgets that the PIN was given
		a := selected(t, card)
		message := []byte("signed by " + slot.Name())
		_, err := a.Sign(t.Context(), slot, pub, message, sshAlgorithm(pub))
		wantError(t, err, StatusSecurityNotSatisfied)
		if err := a.Verify(t.Context(), []byte(pivtest.DefaultPIN)); err != nil {
			t.Fatal(err)
		}
		for _, algorithm := range algorithmsOf(pub) {
			if fips140.Enabled() && (alg == pivtest.AlgRSA1024 || algorithm == ssh.KeyAlgoRSA) {
				continue // FIPS 140-3 mode does not verify them
			}
			signature, err := a.Sign(t.Context(), slot, pub, message, algorithm)
			if err != nil {
				t.Fatalf("%s: %v", Algorithm(alg), err)
			}
			if err := pub.Verify(message, signature); err != nil {
				t.Errorf("%s: %v", algorithm, err)
			}
		}
		slot++
	}
}

func algorithmsOf(pub ssh.PublicKey) []string {
	if pub.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSA, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512}
	}
	return []string{pub.Type()}
}

// A signature by another key than was asked for never leaves.
func TestSignChecksTheSignature(t *testing.T) {
	card := newCard(t, pivtest.YubiKey5())
	here := must1(card.Provision(0x9E, pivtest.AlgP256, pivtest.Policy{}))(t)
	there := must1(newCard(t, pivtest.YubiKey5()).Provision(0x9E, pivtest.AlgP256, pivtest.Policy{}))(t)
	a := selected(t, card)
	if _, err := a.Sign(t.Context(), 0x9E, sshKey(t, here), []byte("x"), ssh.KeyAlgoECDSA256); err != nil {
		t.Fatal(err)
	}
	_, err := a.Sign(t.Context(), 0x9E, sshKey(t, there), []byte("x"), ssh.KeyAlgoECDSA256)
	wantError(t, err, ErrBadSignature)
}

func TestNoCertificateForAWeakKey(t *testing.T) {
	card := newCard(t, pivtest.YubiKey5())
	weak := must1(card.Provision(0x9E, pivtest.AlgRSA1024, pivtest.Policy{}))(t)
	strong := must1(card.Provision(0x9D, pivtest.AlgRSA2048, pivtest.Policy{}))(t)
	a := selected(t, card)
	_, err := a.Signer(t.Context(), 0x9E, weak)
	wantError(t, err, ErrWeakKey)
	_, err = a.Signer(t.Context(), 0x9D, strong)
	wantError(t, err, nil)
}

func TestSignRefusesAlgorithmsThatDoNotFit(t *testing.T) {
	card := newCard(t, pivtest.YubiKey5())
	pub := sshKey(t, must1(card.Provision(0x9E, pivtest.AlgP256, pivtest.Policy{}))(t))
	a := selected(t, card)
	for _, algorithm := range []string{ssh.KeyAlgoECDSA384, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoED25519, ""} {
		if _, err := a.Sign(t.Context(), 0x9E, pub, []byte("x"), algorithm); err == nil {
			t.Errorf("%q was used for a P-256 key", algorithm)
		}
	}
}

// Another program selected another application: the signature goes through
// without anybody noticing, and the PIN goes to nobody else.
func TestSignAfterAnotherApplication(t *testing.T) {
	card := newCard(t, pivtest.YubiKey5())
	free := sshKey(t, must1(card.Provision(0x9E, pivtest.AlgP256, pivtest.Policy{PIN: pivtest.PINNever}))(t))
	once := sshKey(t, must1(card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{PIN: pivtest.PINOnce}))(t))
	a := selected(t, card)
	verify := func() error { return a.Verify(t.Context(), []byte(pivtest.DefaultPIN)) }
	if err := verify(); err != nil {
		t.Fatal(err)
	}

	steal := func() {
		if _, err := card.Transmit(unhex(t, "00A4040006D27600012401")); err != nil {
			t.Fatal(err)
		}
		a.stale = true // what Handle.Do does between two operations
	}
	steal()
	if _, err := a.Sign(t.Context(), 0x9E, free, []byte("x"), ssh.KeyAlgoECDSA256); err != nil {
		t.Error(err)
	}
	steal()
	_, err := a.Sign(t.Context(), 0x9A, once, []byte("x"), ssh.KeyAlgoECDSA256)
	wantError(t, err, StatusSecurityNotSatisfied)
	steal()
	log := len(card.Log())
	if err := verify(); err != nil {
		t.Error(err)
	}
	sent := card.Log()[log:]
	if selects, pin := firstOf(sent, "> 00a404"), firstOf(sent, "> 0020"); selects < 0 || selects > pin {
		t.Errorf("the PIN went out before PIV was selected: %q", sent)
	}
	if _, err := a.Sign(t.Context(), 0x9A, once, []byte("x"), ssh.KeyAlgoECDSA256); err != nil {
		t.Error(err)
	}
}

func firstOf(log []string, prefix string) int {
	return slices.IndexFunc(log, func(line string) bool { return strings.HasPrefix(line, prefix) })
}

// echo answers every GENERAL AUTHENTICATE with the same bytes.
type echo []byte

func (e echo) Transmit(context.Context, []byte) ([]byte, error) {
	return append(append([]byte(nil), e...), 0x90, 0x00), nil
}

// FuzzSignResponse: whatever a card answers, it is a right signature or an error.
func FuzzSignResponse(f *testing.F) {
	card := newCard(f, pivtest.YubiKey5())
	type key struct {
		alg  byte
		slot Slot
	}
	var pubs []ssh.PublicKey
	for _, k := range []key{{pivtest.AlgP256, 0x82}, {pivtest.AlgP384, 0x83}, {pivtest.AlgEd25519, 0x84}, {pivtest.AlgRSA2048, 0x85}} {
		pubs = append(pubs, sshKey(f, must1(card.Provision(byte(k.slot), k.alg, pivtest.Policy{PIN: pivtest.PINNever}))(f)))
	}
	seeds := 0
	for i, pub := range pubs {
		answers := &recorder{Card: virtual{card, f}}
		a := must1(Select(f.Context(), answers))(f)
		if _, err := a.Sign(f.Context(), slotFirstRetired+Slot(i), pub, []byte("x"), sshAlgorithm(pub)); err != nil {
			f.Fatal(err)
		}
		last := answers.responses[len(answers.responses)-1]
		f.Add(last[:len(last)-2])
		seeds++
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	message := make([]byte, 32) // another one each time: a replayed answer is wrong
	_, _ = rand.Read(message)
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, pub := range pubs {
			a := newApplet(echo(answer))
			signature, err := a.Sign(t.Context(), 0x9A, pub, message, sshAlgorithm(pub))
			if err == nil && pub.Verify(message, signature) != nil {
				t.Fatalf("a wrong signature left: %x", answer)
			}
			if err == nil {
				t.Fatalf("forged with %x", answer)
			}
		}
	})
}

// recorder keeps the responses of a card.
type recorder struct {
	Card
	responses [][]byte
}

func (r *recorder) T0() bool { return newLink(r.Card).t0 }

func (r *recorder) Transmit(ctx context.Context, apdu []byte) ([]byte, error) {
	response, err := r.Card.Transmit(ctx, apdu)
	r.responses = append(r.responses, response)
	return response, err
}

// A card with a copy of the public objects has not the key.
func TestProve(t *testing.T) {
	card, clone := newCard(t, pivtest.YubiKey5()), newCard(t, pivtest.YubiKey5())
	for _, alg := range []byte{pivtest.AlgP256, pivtest.AlgRSA2048, pivtest.AlgEd25519} {
		pub := sshKey(t, must1(card.Provision(0x9E, alg, pivtest.Policy{PIN: pivtest.PINNever}))(t))
		must1(clone.Provision(0x9E, alg, pivtest.Policy{PIN: pivtest.PINNever}))(t)
		if err := selected(t, card).Prove(t.Context(), 0x9E, pub); err != nil {
			t.Error(err)
		}
		wantError(t, selected(t, clone).Prove(t.Context(), 0x9E, pub), ErrBadSignature)
	}
}

// A card may leave leading zeros out of an RSA signature; we must not.
func TestShortRSASignature(t *testing.T) {
	signature, err := toSSH(RSA2048, []byte{1, 2}, ssh.KeyAlgoRSASHA256)
	if err != nil || len(signature.Blob) != 256 || signature.Blob[255] != 2 || signature.Blob[0] != 0 {
		t.Errorf("%v %v", signature, err)
	}
	for _, answer := range [][]byte{nil, make([]byte, 257)} {
		if _, err := toSSH(RSA2048, answer, ssh.KeyAlgoRSASHA256); !errors.Is(err, ErrBadSignature) {
			t.Errorf("%d bytes: %v", len(answer), err)
		}
	}
}

func TestECDSABlobRefusesOddSignatures(t *testing.T) {
	for _, odd := range []string{"", "3000", "3006020100020101", "30060201FF020101", "300602010102010100", "3006020101020101FF"} {
		if _, err := ecdsaBlob(unhex(t, odd)); !errors.Is(err, ErrBadSignature) {
			t.Errorf("%s: %v", odd, err)
		}
	}
	if _, err := ecdsaBlob(unhex(t, "3006020101020101")); err != nil {
		t.Error(err)
	}
}

func ExampleSlot_Name() {
	fmt.Println(SlotAuthentication, SlotAuthentication.Name())
	fmt.Println(Slot(0x95), Slot(0x95).Name())
	// Output:
	// 9a PIV Authentication
	// 95 Retired Key Management 20
}
