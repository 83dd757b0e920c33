//go:build linux && !nopcsc

package admin

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/pivtest"
)

func TestAttestation(t *testing.T) {
	rig, card := pivtest.NewRig(t), pivtest.NewCard(t, pivtest.YubiKey5())
	must(t, rig.Insert(0, card))
	serial := card.Serial()
	key, err := card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{Touch: pivtest.TouchCached})
	if err != nil {
		t.Fatal(err)
	}
	var attestation, issuer *x509.Certificate
	onCard(t, func(ctx context.Context, a *piv.Applet) error {
		der, err := a.Attest(ctx, piv.SlotAuthentication)
		if err != nil {
			return err
		}
		attestation, err = x509.ParseCertificate(der)
		cert, err2 := a.AttestationCertificate(ctx)
		issuer = cert.X509
		return errors.Join(err, err2)
	})
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(card.AttestationRoot())
	others.AddCert(pivtest.NewCard(t, pivtest.YubiKey5()).AttestationRoot())
	said, err := VerifyAttestation(attestation, issuer, roots, piv.SlotAuthentication, serial, key)
	if err != nil || said.TouchPolicy != piv.TouchCached || said.PINPolicy != piv.PINOnce || !said.Version.AtLeast(5, 7) {
		t.Errorf("%+v, %v", said, err)
	}
	for name, test := range map[string]struct {
		roots  *x509.CertPool
		slot   piv.Slot
		serial uint32
		key    crypto.PublicKey
		words  string
	}{
		"Yubico's roots": {nil, piv.SlotAuthentication, serial, key, "signed by unknown authority"},
		"another root":   {others, piv.SlotAuthentication, serial, key, "signed by unknown authority"},
		"another slot":   {roots, piv.SlotSignature, serial, key, "for slot 9a"},
		"another card":   {roots, piv.SlotAuthentication, serial + 1, key, fmt.Sprintf("for the YubiKey %d", serial)},
		"another key":    {roots, piv.SlotAuthentication, serial, issuer.PublicKey, "another key"},
	} {
		_, err := VerifyAttestation(attestation, issuer, test.roots, test.slot, test.serial, test.key)
		if !errors.Is(err, ErrAttestation) || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// onCard does one operation on the card that is in.
func onCard(t *testing.T, run func(context.Context, *piv.Applet) error) {
	t.Helper()
	seen := make(chan *piv.Handle, 10)
	readers := piv.Watch(piv.Config{Event: func(e piv.Event) {
		if e.Kind == piv.CardIn {
			seen <- e.Handle
		}
	}})
	defer readers.Close()
	handle := <-seen
	must(t, handle.Do(t.Context(), func(a *piv.Applet) error { return run(t.Context(), a) }))
}

// Yubico's own certificates can be read, and make a chain.
func TestYubicosRoots(t *testing.T) {
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	if !roots.AppendCertsFromPEM(yubicoRoots) || !intermediates.AppendCertsFromPEM(yubicoIntermediates) {
		t.Fatal("they cannot be read")
	}
	count := 0
	for rest := yubicoIntermediates; ; count++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		must(t, err)
		if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates}); err != nil {
			t.Errorf("%s: %v", cert.Subject, err)
		}
	}
	if count != 4 {
		t.Errorf("%d intermediates", count)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
