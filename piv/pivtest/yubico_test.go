package pivtest

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
)

// TestYubicoTool has Yubico's own program administer the YubiKey.
func TestYubicoTool(t *testing.T) {
	rig := NewRig(t)
	card := NewCard(t, YubiKey5TDES())
	insert(t, rig, 0, card)
	dir := t.TempDir()
	public, cert := filepath.Join(dir, "pub.pem"), filepath.Join(dir, "cert.pem")
	yubico := func(args ...string) string { t.Helper(); return tool(t, "yubico-piv-tool", args...) }

	wants(t, yubico("-a", "version"), "5.7.1")
	wants(t, yubico("-a", "status"), "CHUID:\tNo data", "PIN tries left:\t3")
	for _, algorithm := range []string{"RSA2048", "ECCP384", "ECCP256"} {
		yubico("-a", "generate", "-s", "9c", "-A", algorithm, "-o", public, "--pin-policy=once")
		writeCertificate(t, cert, public)
		yubico("-a", "import-certificate", "-s", "9c", "-i", cert)
		wants(t, yubico("-a", "verify-pin", "-P", DefaultPIN, "-a", "test-signature", "-s", "9c", "-i", cert), "Success")
	}
	if got, want := yubico("-a", "read-certificate", "-s", "9c"), string(readFile(t, cert)); got != want {
		t.Errorf("certificate read:\n%s\nwritten:\n%s", got, want)
	}
	checkAttestation(t, card, yubico("-a", "attest", "-s", "9c"))
	wants(t, yubico("-a", "status"), "CN=Tester", "ECCP256")

	yubico("-a", "change-pin", "-P", DefaultPIN, "-N", "654321")
	yubico("-a", "verify-pin", "-P", "654321")
	yubico("-a", "change-puk", "-P", DefaultPUK, "-N", "87654321")
	if out, err := try(t, "yubico-piv-tool", "-a", "verify-pin", "-P", DefaultPIN); err == nil {
		t.Error("the old PIN is right:\n" + out)
	}
	card.SetTries(0, 3)
	if out, err := try(t, "yubico-piv-tool", "-a", "verify-pin", "-P", "654321"); err == nil {
		t.Error("a blocked PIN is right:\n" + out)
	} else {
		wants(t, out, "blocked")
	}
	yubico("-a", "unblock-pin", "-P", "87654321", "-N", "123123")
	yubico("-a", "verify-pin", "-P", "123123", "-a", "pin-retries", "--pin-retries", "5", "--puk-retries", "4")
	if pin, puk := card.Tries(); pin != 5 || puk != 4 {
		t.Errorf("tries: %d, %d", pin, puk)
	}
	yubico("-a", "set-chuid", "-a", "set-ccc")
	if len(card.GUID()) != 16 {
		t.Errorf("GUID %x", card.GUID())
	}
	importKeys(t, card, yubico)
	yubico("-a", "set-mgm-key", "-n", "aa0203040506070801020304050607080102030405060708")
	if out, err := try(t, "yubico-piv-tool", "-a", "generate", "-s", "9d"); err == nil {
		t.Error("the old management key is right:\n" + out)
	}
	card.SetTries(0, 0)
	yubico("-a", "reset")
	if card.PublicKey(0x9c) != nil || card.GUID() != nil {
		t.Error("not reset")
	}
}

// importKeys imports RSA and EC keys, which are then not attested.
func importKeys(t *testing.T, card *Card, yubico func(...string) string) {
	t.Helper()
	for _, alg := range []byte{AlgRSA2048, AlgP256, AlgP384} {
		key, err := generateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		path := writePEM(t, "PRIVATE KEY", der)
		yubico("-a", "import-key", "-s", "9e", "-i", path)
		if !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(card.PublicKey(0x9e)) {
			t.Errorf("%T: another key than was imported", key)
		}
		if out, err := try(t, "yubico-piv-tool", "-a", "attest", "-s", "9e"); err == nil {
			t.Error("an imported key was attested:\n" + out)
		}
	}
}

func checkAttestation(t *testing.T, card *Card, attestation string) {
	t.Helper()
	block, _ := pem.Decode([]byte(attestation))
	if block == nil {
		t.Fatal("no certificate: " + attestation)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(card.AttestationRoot())
	issuer, err := card.attestationCertificate()
	if err != nil {
		t.Fatal(err)
	}
	between.AddCert(issuer)
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		t.Error(err)
	}
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// writeCertificate signs the public key with a key of its own: the tool's own
// selfsign fails in Debian 12, before it sends anything.
func writeCertificate(t *testing.T, path, public string) {
	t.Helper()
	block, _ := pem.Decode(readFile(t, public))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := generateKey(AlgP256)
	if err != nil {
		t.Fatal(err)
	}
	template := certificate(pkix.Name{CommonName: "Tester"})
	der, err := x509.CreateCertificate(rand.Reader, template, template, key, issuer)
	if err != nil {
		t.Fatal(err)
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
