//go:build cgo

package pivtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io"
	"testing"

	"github.com/go-piv/piv-go/v2/piv"
)

func openPIVGo(t *testing.T, reader string) *piv.YubiKey {
	t.Helper()
	yk, err := piv.Open(reader)
	if err != nil {
		t.Fatal(err)
	}
	return yk
}

// TestPIVGo has piv-go v2 administer and use the YubiKey.
func TestPIVGo(t *testing.T) {
	rig := NewRig(t)
	card := NewCard(t, YubiKey5())
	insert(t, rig, 0, card)
	yk := openPIVGo(t, rig.Slot(0).Reader)
	defer yk.Close()

	if v := yk.Version(); v != (piv.Version{Major: 5, Minor: 7, Patch: 1}) {
		t.Error(v)
	}
	if n, err := yk.Serial(); err != nil || n != card.Serial() {
		t.Error(n, err)
	}
	if f, err := yk.FormFactor(); err != nil || f != piv.FormfactorUSBAKeychain {
		t.Error(f, err)
	}
	for _, alg := range []piv.Algorithm{piv.AlgorithmEC256, piv.AlgorithmEC384, piv.AlgorithmEd25519,
		piv.AlgorithmRSA1024, piv.AlgorithmRSA2048, piv.AlgorithmRSA3072} {
		generateByPIVGo(t, yk, card, alg)
	}
	agreeByPIVGo(t, yk)
	pinsByPIVGo(t, yk, card)
}

func generateByPIVGo(t *testing.T, yk *piv.YubiKey, card *Card, alg piv.Algorithm) {
	t.Helper()
	want := piv.Key{Algorithm: alg, PINPolicy: piv.PINPolicyAlways, TouchPolicy: piv.TouchPolicyNever}
	public, err := yk.GenerateKey(piv.DefaultManagementKey, piv.SlotSignature, want)
	if err != nil {
		t.Fatal(err)
	}
	info, err := yk.KeyInfo(piv.SlotSignature)
	if err != nil || info.Algorithm != alg || info.PINPolicy != want.PINPolicy || info.Origin != piv.OriginGenerated {
		t.Errorf("%v: %+v", err, info)
	}
	cert, err := yk.Attest(piv.SlotSignature)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := yk.AttestationCertificate()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(card.AttestationRoot())
	verifier := piv.Verifier{Roots: roots}
	said, err := verifier.Verify(issuer, cert)
	if err != nil || said.Serial != card.Serial() || said.PINPolicy != want.PINPolicy || said.Slot != piv.SlotSignature {
		t.Errorf("%v: %+v", err, said)
	}
	private, err := yk.PrivateKey(piv.SlotSignature, public, piv.KeyAuth{PIN: DefaultPIN, PINPolicy: want.PINPolicy})
	if err != nil {
		t.Fatal(err)
	}
	signByPIVGo(t, private.(crypto.Signer))
	if err := yk.SetCertificate(piv.DefaultManagementKey, piv.SlotSignature, cert); err != nil {
		t.Error(err)
	}
	if got, err := yk.Certificate(piv.SlotSignature); err != nil || !got.Equal(cert) {
		t.Error(err)
	}
}

func signByPIVGo(t *testing.T, key crypto.Signer) {
	t.Helper()
	message := []byte("to be signed, with a message longer than one short APDU can hold" + string(make([]byte, 300)))
	digest := sha256.Sum256(message)
	if k, ok := key.Public().(ed25519.PublicKey); ok {
		s, err := key.Sign(rand.Reader, message, crypto.Hash(0))
		if err != nil || !ed25519.Verify(k, message, s) {
			t.Error(err)
		}
		return
	}
	s, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	verified(t, key.Public(), message, s)
	k, ok := key.Public().(*rsa.PublicKey)
	if !ok {
		return
	}
	//lint:ignore SA1019 piv-go decrypts no other padding
	secret, err := rsa.EncryptPKCS1v15(rand.Reader, k, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	clear, err := key.(crypto.Decrypter).Decrypt(rand.Reader, secret, nil)
	if err != nil || string(clear) != "secret" {
		t.Errorf("%q, %v", clear, err)
	}
}

func agreeByPIVGo(t *testing.T, yk *piv.YubiKey) {
	t.Helper()
	own, err := generateKey(AlgP256)
	if err != nil {
		t.Fatal(err)
	}
	policy := piv.Key{PINPolicy: piv.PINPolicyOnce, TouchPolicy: piv.TouchPolicyNever}
	if err := yk.SetPrivateKeyInsecure(piv.DefaultManagementKey, piv.SlotKeyManagement, own, policy); err != nil {
		t.Fatal(err)
	}
	private, err := yk.PrivateKey(piv.SlotKeyManagement, own.Public(), piv.KeyAuth{PIN: DefaultPIN, PINPolicy: policy.PINPolicy})
	if err != nil {
		t.Fatal(err)
	}
	other, err := generateKey(AlgP256)
	if err != nil {
		t.Fatal(err)
	}
	got, err := private.(*piv.ECDSAPrivateKey).SharedKey(other.Public().(*ecdsa.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	otherECDH, _ := other.(*ecdsa.PrivateKey).ECDH()
	ownECDH, _ := own.(*ecdsa.PrivateKey).ECDH()
	want, err := otherECDH.ECDH(ownECDH.PublicKey())
	if err != nil || string(got) != string(want) {
		t.Errorf("%x, want %x, %v", got, want, err)
	}
}

func pinsByPIVGo(t *testing.T, yk *piv.YubiKey, card *Card) {
	t.Helper()
	key := make([]byte, 24)
	io.ReadFull(rand.Reader, key)
	if err := yk.SetManagementKey(piv.DefaultManagementKey, key); err != nil {
		t.Fatal(err)
	}
	if err := yk.SetMetadata(key, &piv.Metadata{ManagementKey: &key}); err != nil {
		t.Error(err)
	}
	if m, err := yk.Metadata(DefaultPIN); err != nil || m.ManagementKey == nil || string(*m.ManagementKey) != string(key) {
		t.Error(m, err)
	}
	if err := yk.SetRetries(key, DefaultPIN, 7, 6); err != nil {
		t.Error(err)
	}
	var wrong piv.AuthErr
	if err := yk.VerifyPIN("111111"); !errors.As(err, &wrong) || wrong.Retries != 6 {
		t.Error(err)
	}
	if n, err := yk.Retries(); n != 6 || err != nil {
		t.Error(n, err)
	}
	if err := yk.SetPIN(DefaultPIN, "654321"); err != nil {
		t.Error(err)
	}
	if err := yk.SetPUK(DefaultPUK, "87654321"); err != nil {
		t.Error(err)
	}
	card.SetTries(0, 6)
	if err := yk.VerifyPIN("654321"); !errors.As(err, &wrong) || wrong.Retries != 0 {
		t.Error(err)
	}
	if err := yk.Unblock("87654321", DefaultPIN); err != nil {
		t.Error(err)
	}
	if err := yk.Reset(); err != nil {
		t.Error(err)
	}
	if err := yk.VerifyPIN(DefaultPIN); err != nil {
		t.Error(err)
	}
}

// TestPIVGoAndGovernment: piv-go cannot open a card that is not Yubico's. That
// is why the broker has a card layer of its own.
func TestPIVGoAndGovernment(t *testing.T) {
	rig := NewRig(t)
	insert(t, rig, 2, NewCard(t, GovernmentPIV()))
	yk, err := piv.Open(rig.Slot(2).Reader)
	if err == nil {
		yk.Close()
		t.Fatal("opened")
	}
	wants(t, err.Error(), "protocol")
}
