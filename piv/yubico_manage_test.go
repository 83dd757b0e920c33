//go:build linux && !nopcsc

package piv

import (
	"context"
	"crypto"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/piv/pivtest"
)

// yubicoTool runs yubico-piv-tool, a program that we did not write.
func yubicoTool(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("yubico-piv-tool", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("yubico-piv-tool %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// asManager does one operation with the factory's management key.
func asManager(t *testing.T, h *Handle, run func(context.Context, *Applet) error) error {
	return h.Patiently(t.Context(), func(ctx context.Context, a *Applet) error {
		if err := a.AuthenticateManagement(ctx, DefaultManagementKey()); err != nil {
			return err
		}
		return errors.Join(run(ctx, a), a.EndSession(ctx))
	})
}

func testGenerate(t *testing.T, r rig) {
	card := pivtest.NewCard(t, pivtest.YubiKey5())
	h := r.insert(t, 0, card)
	for _, alg := range []Algorithm{P256, P384, Ed25519, RSA2048} {
		for _, slot := range []Slot{SlotAuthentication, 0x82} {
			var key crypto.PublicKey
			err := asManager(t, h, func(ctx context.Context, a *Applet) (err error) {
				key, err = a.Generate(ctx, slot, alg, PINAlways, TouchNever)
				return err
			})
			if err != nil || !key.(interface{ Equal(crypto.PublicKey) bool }).Equal(card.PublicKey(byte(slot))) {
				t.Errorf("%s in %s: %v, %v", alg, slot, key, err)
			}
		}
	}
	var metadata Metadata
	err := h.Do(t.Context(), func(a *Applet) (err error) {
		metadata, err = a.Metadata(t.Context(), SlotAuthentication)
		return err
	})
	if err != nil || metadata.PIN != PINAlways || metadata.Touch != TouchNever || metadata.Origin != "generated" {
		t.Errorf("%+v, %v", metadata, err)
	}
	h.Release()
	if out := yubicoTool(t, "-a", "attest", "-s", "82"); !strings.Contains(out, "BEGIN CERTIFICATE") {
		t.Error(out)
	}
	// The card refuses it without the management key, and we refuse what nobody can make.
	generate := func(pin PINPolicy) error {
		return h.Patiently(t.Context(), func(ctx context.Context, a *Applet) error {
			_, err := a.Generate(ctx, SlotAuthentication, P256, pin, TouchNever)
			return err
		})
	}
	wantError(t, generate(PINOnce), StatusSecurityNotSatisfied)
	if err := generate("sometimes"); err == nil || !strings.Contains(err.Error(), `PIN "sometimes"`) {
		t.Error(err)
	}
}

func testSetRetries(t *testing.T, r rig) {
	card := pivtest.NewCard(t, pivtest.YubiKey5())
	h := r.insert(t, 0, card)
	set := func(pin string) error {
		return asManager(t, h, func(ctx context.Context, a *Applet) error {
			if err := a.Verify(ctx, []byte(pin)); err != nil {
				return err
			}
			return a.SetRetries(ctx, 7, 5)
		})
	}
	var wrong *PINError
	if err := set("000001"); !errors.As(err, &wrong) || wrong.Tries != 2 || card.Counts().WrongPINs != 1 {
		t.Errorf("wrong PIN: %v", err)
	}
	if err := set(pivtest.DefaultPIN); err != nil {
		t.Error(err)
	}
	if card.PINVerified() {
		t.Error("the PIN is still in")
	}
	h.Release()
	if out := yubicoTool(t, "-a", "status"); !strings.Contains(out, "PIN tries left:\t7") {
		t.Error(out)
	}
	if err := h.Do(t.Context(), func(a *Applet) error { return a.SetRetries(t.Context(), 0, 5) }); err == nil || !strings.Contains(err.Error(), "1 to 255") {
		t.Error(err)
	}
}

func testResetYubiKey(t *testing.T, r rig) {
	card, _, _ := yubikey(t)
	h := r.insert(t, 0, card)
	if out := yubicoTool(t, "-a", "status"); !strings.Contains(out, "Slot 9a") {
		t.Error(out)
	}
	if err := h.Patiently(t.Context(), func(ctx context.Context, a *Applet) error { return a.Reset(ctx) }); err != nil {
		t.Fatal(err)
	}
	h.Release()
	if out := yubicoTool(t, "-a", "status"); strings.Contains(out, "Slot 9a") || !strings.Contains(out, "PIN tries left:\t3") {
		t.Errorf("not in its factory state:\n%s", out)
	}
}

// A card that was exchanged for another one is not reset: no try is spent.
func testResetOtherCard(t *testing.T, r rig) {
	card, _, _ := yubikey(t)
	h := r.insert(t, 0, card)
	other := *h.Token()
	other.Serial, other.ID = other.Serial+1, "serial:1" // as if it had been another card
	h.token.Store(&other)
	if _, err := h.session.worker.call(t.Context(), connectLimit, h.session.disconnect); err != nil { // else in 1.5 s
		t.Fatal(err)
	}
	err := h.Patiently(t.Context(), func(ctx context.Context, a *Applet) error { return a.Reset(ctx) })
	wantError(t, err, ErrOtherCard)
	if pin, puk := card.Tries(); pin != 3 || puk != 3 {
		t.Errorf("tries left: %d, %d", pin, puk)
	}
}
