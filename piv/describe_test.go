package piv

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/keybroker/keybroker/piv/pivtest"
)

func TestDescribe(t *testing.T) {
	card := newCard(t, pivtest.YubiKey5())
	pub := must1(card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{PIN: pivtest.PINAlways, Touch: pivtest.TouchCached}))(t)
	if err := card.Certify(0x9A, pivtest.Certificate{Subject: "me", ExtKeyUsage: []string{"1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2", "1.2.3"}}); err != nil {
		t.Fatal(err)
	}
	must1(card.Provision(0x95, pivtest.AlgEd25519, pivtest.Policy{}))(t)
	token := must1(describeCard(t.Context(), virtual{card, t}))(t)
	if token.Kind != KindYubiKey || token.Version != (Version{5, 7, 1}) || token.Serial != card.Serial() ||
		token.PINTries != 3 || !token.PINDefault || token.PINVerified || token.Reference != PINApplication || len(token.Problems) > 0 {
		t.Errorf("%+v", token)
	}
	slot, ok := token.Slot(0x9A)
	if !ok || !pub.(*ecdsa.PublicKey).Equal(slot.PublicKey) || slot.Algorithm != P256 || slot.PIN != PINAlways ||
		slot.Touch != TouchCached || slot.Certificate.Subject.CommonName != "me" || slot.Problem != "" {
		t.Errorf("%+v", slot)
	}
	if eku := slot.EKU(); !slices.Equal(eku, []string{"client authentication", "smartcard logon", "1.2.3"}) {
		t.Errorf("EKU %q", eku)
	}
	if slot, ok := token.Slot(0x95); !ok || slot.Algorithm != Ed25519 {
		t.Errorf("%+v", slot)
	}
	if _, ok := token.Slot(0x9C); ok || len(token.Slots) != 2 {
		t.Errorf("%d slots", len(token.Slots))
	}
}

func TestDescribeGovernment(t *testing.T) {
	card := newCard(t, pivtest.GovernmentPIV())
	token := must1(describeCard(t.Context(), virtual{card, t}))(t)
	if token.Kind != KindPIV || token.GUID != GUID(card.GUID()) || token.ID != "guid:"+token.GUID.String() ||
		token.Reference != PINGlobal || token.PINTries < 1 || len(token.Problems) > 0 {
		t.Errorf("%+v", token)
	}
	policies := map[Slot]PINPolicy{0x9A: PINOnce, 0x9C: PINAlways, 0x9D: PINOnce, 0x9E: PINNever, 0x82: PINOnce}
	if len(token.Slots) != len(policies) {
		t.Errorf("%d slots", len(token.Slots))
	}
	for _, slot := range token.Slots {
		if slot.PIN != policies[slot.Slot] || slot.Touch != TouchUnknown || slot.From != "certificate" || slot.Certificate == nil || slot.Problem != "" {
			t.Errorf("%+v", slot)
		}
		if !slot.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(card.PublicKey(byte(slot.Slot))) {
			t.Errorf("slot %s has another key", slot.Slot)
		}
	}
}

// Damage in one place hides nothing else.
func TestDescribeDamaged(t *testing.T) {
	card := newCard(t, pivtest.YubiKey5())
	for _, slot := range []byte{0x9A, 0x9C, 0x9D, 0x9E} {
		must1(card.Provision(slot, pivtest.AlgP256, pivtest.Policy{}))(t)
	}
	for object, content := range map[tag][]byte{
		SlotAuthentication.object(): []byte("nonsense"),
		SlotSignature.object():      container([]byte("no certificate"), 0),
		SlotKeyManagement.object():  container(selfSigned(t, big.NewInt(1)), 0), // another key's
		objectCHUID:                 {0xFF, 0xFF},
		objectKeyHistory:            {1, 2, 3},
	} {
		if err := card.SetObject(uint32(object), content); err != nil {
			t.Fatal(err)
		}
	}
	token := must1(describeCard(t.Context(), virtual{card, t}))(t)
	if len(token.Slots) != 4 || len(token.Problems) == 0 {
		t.Fatalf("%+v", token)
	}
	for _, slot := range token.Slots {
		if (slot.Problem != "") != (slot.Slot != SlotCardAuthentication) {
			t.Errorf("%s: problem %q", slot.Slot, slot.Problem)
		}
		if !slot.PublicKey.(*ecdsa.PublicKey).Equal(card.PublicKey(byte(slot.Slot))) {
			t.Errorf("slot %s has another key", slot.Slot)
		}
	}
}

// older is a YubiKey before metadata (5.3), and before serial numbers (5.0).
type older struct{ virtual }

func (o older) Transmit(ctx context.Context, apdu []byte) ([]byte, error) {
	switch apdu[1] {
	case insGetVersion:
		return []byte{4, 3, 5, 0x90, 0x00}, nil
	case insGetMetadata, insGetSerial:
		return []byte{0x6D, 0x00}, nil
	}
	return o.virtual.Transmit(ctx, apdu)
}

func TestDescribeByAttestation(t *testing.T) {
	card := newCard(t, pivtest.YubiKey5())
	pub := must1(card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{PIN: pivtest.PINNever, Touch: pivtest.TouchAlways}))(t)
	if err := card.SetObject(uint32(SlotAuthentication.object()), nil); err != nil {
		t.Fatal(err)
	}
	token := must1(describeCard(t.Context(), older{virtual{card, t}}))(t)
	if token.Serial != 0 || token.Version.String() != "4.3.5" || len(token.Slots) != 1 {
		t.Fatalf("%+v", token)
	}
	slot := token.Slots[0]
	if slot.From != "attestation" || !pub.(*ecdsa.PublicKey).Equal(slot.PublicKey) ||
		slot.PIN != PINNever || slot.Touch != TouchAlways || slot.Origin != "generated" {
		t.Errorf("%+v", slot)
	}
	if token.ID == "" {
		t.Error("no number")
	}
}

func TestNotOfferedIsNoFailure(t *testing.T) {
	a := selected(t, newCard(t, pivtest.GovernmentPIV()))
	_, err := a.Version(t.Context())
	wantError(t, err, ErrNotOffered)
	_, err = a.Serial(t.Context())
	wantError(t, err, ErrNotOffered)
	_, err = a.Metadata(t.Context(), 0x9A)
	wantError(t, err, ErrNotOffered)
	_, err = a.Attest(t.Context(), 0x9A)
	wantError(t, err, ErrNotOffered)
}

// A card that vanishes while it is read is not taken for an empty one.
func TestDescribeGone(t *testing.T) {
	card := newCard(t, pivtest.YubiKey5())
	must1(card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{}))(t)
	for _, ins := range []byte{insSelect, insGetVersion, insGetSerial, insGetData, insGetMetadata, insVerify} {
		card.PowerOn()
		card.DieOn(ins)
		if token, err := describeCard(t.Context(), virtual{card, t}); token != nil || !fatal(err) {
			t.Errorf("%02X: %+v, %v", ins, token, err)
		}
	}
}

// FuzzDescribe: a card that answers anything, in the middle of a real one.
func FuzzDescribe(f *testing.F) {
	card := newCard(f, pivtest.YubiKey5())
	must1(card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{}))(f)
	log := &recorder{Card: virtual{card, f}}
	if _, err := describeCard(f.Context(), log); err != nil {
		f.Fatal(err)
	}
	seeds := 0
	for at, response := range log.responses[:min(40, len(log.responses))] {
		f.Add(response, byte(at))
		seeds++
	}
	if seeds < 10 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, response []byte, at byte) {
		n := 0
		odd := cardFunc(func(apdu []byte) []byte {
			n++
			if byte(n) >= at {
				return response
			}
			answer, err := card.Transmit(apdu)
			if err != nil {
				t.Fatal(err)
			}
			return answer
		})
		token, err := describeCard(t.Context(), odd)
		if (token == nil) == (err == nil) {
			t.Errorf("%v, %v", token, err)
		}
		if token == nil {
			return
		}
		_ = token.Name()
		for _, slot := range token.Slots {
			if slot.PublicKey == nil && slot.Problem == "" && slot.Algorithm == 0 {
				t.Errorf("slot %s: neither key nor problem", slot.Slot)
			}
		}
	})
}

// The FASC-N of cards that no federal agency issued, and a serial number of 0,
// are no card's own: the GUID names it, and without one its first key.
func TestNamesAreACardsOwn(t *testing.T) {
	names := map[string]bool{}
	for range 2 {
		card := newCard(t, pivtest.GovernmentPIV())
		token := must1(describeCard(t.Context(), virtual{card, t}))(t)
		if want := "PIV card " + token.GUID.String()[:8]; token.FASCN != "" || token.Name() != want {
			t.Errorf("FASC-N %q, name %q, want %q", token.FASCN, token.Name(), want)
		}
		names[token.Name()] = true
	}
	for _, guid := range []bool{true, false} {
		for range 2 {
			card := newCard(t, pivtest.YubiKey5())
			card.Answer(insGetSerial, 0, []byte{0, 0, 0, 0, 0x90, 0})
			must1(card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{}))(t)
			if guid {
				if err := card.Identify(); err != nil {
					t.Fatal(err)
				}
			}
			token := must1(describeCard(t.Context(), virtual{card, t}))(t)
			if guid != (token.Name() == "YubiKey "+token.GUID.String()[:8]) || token.Serial != 0 {
				t.Errorf("name %q", token.Name())
			}
			names[token.Name()] = true
		}
	}
	if len(names) != 6 {
		t.Errorf("six cards have the names %v", names)
	}
	if federal := (&Token{Kind: KindPIV, FASCN: "7000-0001-000042", ID: "guid:x"}).Name(); federal != "PIV card 7000-0001-000042" {
		t.Errorf("%q", federal)
	}
}

// What a card answers for an empty slot: that is no key, and with a certificate
// there no key that is offered.
func TestEmptySlotsAreEmpty(t *testing.T) {
	for _, status := range []int{0x6A88, 0x6A86, 0x9000} {
		card := newCard(t, pivtest.YubiKey5())
		card.EmptyMetadata(status)
		must1(card.Provision(0x9C, pivtest.AlgP256, pivtest.Policy{}))(t)
		token := must1(describeCard(t.Context(), virtual{card, t}))(t)
		if len(token.Slots) != 1 || token.Slots[0].Slot != 0x9C || token.Slots[0].NoKey || len(token.Problems) > 0 {
			t.Errorf("%04X: %d slots, %q", status, len(token.Slots), token.Problems)
		}
	}
	for answer, noKey := range map[string]bool{"6A88": true, "02020000 9000": true, "6A86": false, "6D00": false} {
		card := newCard(t, pivtest.YubiKey5())
		must1(card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{}))(t)
		card.Answer(insGetMetadata, 0x9A, unhex(t, answer))
		slot, ok := must1(describeCard(t.Context(), virtual{card, t}))(t).Slot(0x9A)
		if !ok || slot.NoKey != noKey || (slot.Problem != "") != noKey {
			t.Errorf("%s: %+v", answer, slot)
		}
	}
}

func TestOddMetadataOfPINAndManagementKey(t *testing.T) {
	card := newCard(t, pivtest.YubiKey5())
	card.Answer(insGetMetadata, byte(PINApplication), []byte{0x01, 0x90, 0x00})
	card.Answer(insGetMetadata, byte(PUK), []byte{0x06, 0x01, 0x02, 0x90, 0x00})
	card.Answer(insGetMetadata, managementKey, []byte{0x01, 0x01, byte(AES192), 0x90, 0x00})
	token := must1(describeCard(t.Context(), virtual{card, t}))(t)
	if token.PINTries != 3 || len(token.Problems) > 0 {
		t.Errorf("%d tries, %q", token.PINTries, token.Problems)
	}
	a := selected(t, card)
	if _, err := a.PINMetadata(t.Context()); !errors.Is(err, ErrNotOffered) {
		t.Errorf("one byte: %v", err)
	}
	if puk := must1(a.PUKMetadata(t.Context()))(t); puk.Tries != 2 || puk.Told {
		t.Errorf("%+v", puk)
	}
	if key := must1(a.ManagementMetadata(t.Context()))(t); key.Algorithm != AES192 || key.Told {
		t.Errorf("%+v", key)
	}
	if err := a.AuthenticateManagement(t.Context(), DefaultManagementKey()); err != nil {
		t.Error(err)
	}
}
