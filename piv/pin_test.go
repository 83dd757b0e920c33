package piv

import (
	"errors"
	"testing"

	"github.com/keybroker/keybroker/piv/pivtest"
)

func wantTries(t *testing.T, err error, reference PINReference, tries int) {
	t.Helper()
	var wrong *PINError
	if !errors.As(err, &wrong) || wrong.Tries != tries || wrong.Reference != reference {
		t.Errorf("error %v, want %d tries", err, tries)
	}
}

func TestPIN(t *testing.T) {
	for name, character := range map[string]pivtest.Character{"yubikey": pivtest.YubiKey5(), "government": pivtest.GovernmentPIV()} {
		t.Run(name, func(t *testing.T) {
			card := newCard(t, character)
			a, ctx := selected(t, card), t.Context()
			reference := must1(a.PINReference(ctx))(t)
			if (reference == PINGlobal) != character.GlobalPIN {
				t.Errorf("reference %02x", reference)
			}
			full, _ := card.Tries()

			for range 5 { // asking costs nothing
				tries, verified, err := a.PINStatus(ctx)
				if err != nil || verified || tries != full {
					t.Fatalf("%d %v %v", tries, verified, err)
				}
			}
			wantTries(t, a.Verify(ctx, []byte("999999")), reference, full-1)
			if err := a.Verify(ctx, []byte(pivtest.DefaultPIN)); err != nil {
				t.Fatal(err)
			}
			if tries, verified, err := a.PINStatus(ctx); err != nil || !verified || tries != -1 {
				t.Errorf("%d %v %v", tries, verified, err)
			}

			wantTries(t, a.ChangePIN(ctx, []byte("999999"), []byte("654321")), reference, full-1)
			if err := a.ChangePIN(ctx, []byte(pivtest.DefaultPIN), []byte("654321")); err != nil {
				t.Fatal(err)
			}
			for tries := full - 1; tries >= 0; tries-- {
				wantTries(t, a.Verify(ctx, []byte(pivtest.DefaultPIN)), reference, tries)
			}
			err := a.Verify(ctx, []byte("654321"))
			wantTries(t, err, reference, 0)
			if tries, _, err := a.PINStatus(ctx); err != nil || tries != 0 {
				t.Errorf("%d %v", tries, err)
			}
		})
	}
}

func TestPUK(t *testing.T) {
	card := newCard(t, pivtest.YubiKey5())
	a, ctx := selected(t, card), t.Context()
	card.SetTries(0, 3)
	wantTries(t, a.ResetPIN(ctx, []byte("99999999"), []byte("654321")), PUK, 2)
	if err := a.ResetPIN(ctx, []byte(pivtest.DefaultPUK), []byte("654321")); err != nil {
		t.Fatal(err)
	}
	if err := a.Verify(ctx, []byte("654321")); err != nil {
		t.Error(err)
	}
	if err := a.ChangePUK(ctx, []byte(pivtest.DefaultPUK), []byte("87654321")); err != nil {
		t.Error(err)
	}
	wantTries(t, a.ChangePUK(ctx, []byte(pivtest.DefaultPUK), []byte("87654321")), PUK, 2)
}

// A PIN that cannot be right costs no try.
func TestPINLength(t *testing.T) {
	card := newCard(t, pivtest.YubiKey5())
	a := selected(t, card)
	for _, pin := range []string{"", "12345", "123456789"} {
		wantError(t, a.Verify(t.Context(), []byte(pin)), ErrPINLength)
		wantError(t, a.ChangePIN(t.Context(), []byte(pivtest.DefaultPIN), []byte(pin)), ErrPINLength)
	}
	if n := card.Counts().Verifies; n != 0 {
		t.Errorf("%d were sent", n)
	}
	if err := a.Verify(t.Context(), []byte("123456")); err != nil {
		t.Error(err)
	}
}

// Cards differ in how they say it.
func TestPINErrors(t *testing.T) {
	for status, tries := range map[Status]int{0x63C3: 3, 0x63C0: 0, StatusBlocked: 0, 0x6300: -1} {
		wantTries(t, pinError(status, PINApplication), PINApplication, tries)
	}
	wantError(t, pinError(StatusSecurityNotSatisfied, PINApplication), StatusSecurityNotSatisfied)
	for err, want := range map[*PINError]string{
		{PINApplication, 2}:  "wrong PIN, 2 tries left",
		{PINApplication, 1}:  "wrong PIN, 1 try left",
		{PINApplication, -1}: "wrong PIN",
		{PUK, 0}:             "PUK is blocked",
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

func TestLogout(t *testing.T) {
	for name, character := range map[string]pivtest.Character{"yubikey": pivtest.YubiKey5(), "government": pivtest.GovernmentPIV()} {
		t.Run(name, func(t *testing.T) {
			card := newCard(t, character)
			a := selected(t, card)
			if err := a.Verify(t.Context(), []byte(pivtest.DefaultPIN)); err != nil {
				t.Fatal(err)
			}
			if !card.PINVerified() {
				t.Fatal("not verified")
			}
			if err := a.Logout(t.Context()); err != nil {
				t.Error(err)
			}
			if card.PINVerified() {
				t.Error("still verified")
			}
			if _, err := a.CHUID(t.Context()); err != nil && !absent(err) {
				t.Errorf("not usable afterwards: %v", err)
			}
		})
	}
}
