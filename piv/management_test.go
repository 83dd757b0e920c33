package piv

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/keybroker/keybroker/piv/pivtest"
)

// managed selects PIV on a fresh YubiKey.
func managed(t *testing.T, character pivtest.Character) (*pivtest.Card, *Applet) {
	t.Helper()
	card := pivtest.NewCard(t, character)
	a, err := Select(t.Context(), virtual{card, t})
	if err != nil {
		t.Fatal(err)
	}
	return card, a
}

func TestAuthenticateManagement(t *testing.T) {
	for _, character := range []pivtest.Character{pivtest.YubiKey5(), pivtest.YubiKey5TDES(), pivtest.GovernmentPIV()} {
		t.Run(character.Name, func(t *testing.T) {
			_, a := managed(t, character)
			put := func() error { return a.put(t.Context(), objectAdminData, []byte{0x80, 0}) }
			if err := put(); err == nil {
				t.Error("an object was written without the key")
			}
			wrong := bytes.Repeat([]byte{7}, 24)
			if err := a.AuthenticateManagement(t.Context(), wrong); !errors.Is(err, ErrManagementKey) {
				t.Errorf("wrong key: %v", err)
			}
			if err := a.AuthenticateManagement(t.Context(), wrong[:16]); !errors.Is(err, ErrManagementKey) {
				t.Errorf("short key: %v", err)
			}
			if err := a.AuthenticateManagement(t.Context(), DefaultManagementKey()); err != nil {
				t.Error(err)
			}
			if err := put(); err != nil {
				t.Error(err)
			}
			if err := a.EndSession(t.Context()); err != nil {
				t.Error(err)
			}
			if err := put(); err == nil {
				t.Error("an object was written after the session's end")
			}
		})
	}
}

func TestProtectedManagementKey(t *testing.T) {
	_, a := managed(t, pivtest.YubiKey5())
	key := bytes.Repeat([]byte{9}, 24)
	pin := []byte(pivtest.DefaultPIN)
	must0(t, a.Verify(t.Context(), pin))
	if _, err := a.ProtectedManagementKey(t.Context()); !errors.Is(err, StatusNotFound) {
		t.Errorf("none yet: %v", err)
	}
	must0(t, a.AuthenticateManagement(t.Context(), DefaultManagementKey()))
	// What others keep there stays.
	must0(t, a.put(t.Context(), objectPrinted, []byte{0x88, 5, 0x8A, 3, 1, 2, 3}))
	must0(t, a.put(t.Context(), objectAdminData, []byte{0x80, 9, 0x81, 1, 0x01, 0x83, 4, 1, 2, 3, 4}))
	for range 2 {
		must0(t, a.PutProtectedManagementKey(t.Context(), key))
		must0(t, a.MarkManagementKey(t.Context()))
	}
	if got, err := a.ProtectedManagementKey(t.Context()); err != nil || !bytes.Equal(got, key) {
		t.Errorf("%x, %v", got, err)
	}
	if marked, err := a.ManagementKeyMarked(t.Context()); err != nil || !marked {
		t.Errorf("marked: %v, %v", marked, err)
	}
	data, err := a.object(t.Context(), objectPrinted)
	if want := append([]byte{0x88, 31, 0x8A, 3, 1, 2, 3, 0x89, 24}, key...); err != nil || !bytes.Equal(data, want) {
		t.Errorf("object: %x, want %x, %v", data, want, err)
	}
	data, err = a.object(t.Context(), objectAdminData)
	if want := []byte{0x80, 9, 0x81, 1, 0x03, 0x83, 4, 1, 2, 3, 4}; err != nil || !bytes.Equal(data, want) {
		t.Errorf("administrator data: %x, want %x, %v", data, want, err)
	}
	must0(t, a.put(t.Context(), objectPrinted, []byte{0x01, 2, 'M', 'e'}))
	if err := a.PutProtectedManagementKey(t.Context(), key); !errors.Is(err, ErrOccupied) {
		t.Errorf("printed information: %v", err)
	}
}

func TestPutIdentity(t *testing.T) {
	card, a := managed(t, pivtest.YubiKey5())
	must0(t, a.AuthenticateManagement(t.Context(), DefaultManagementKey()))
	wrote, err := a.PutIdentity(t.Context())
	if err != nil || !slices.Equal(wrote, []string{"CHUID", "CCC"}) {
		t.Fatal(wrote, err)
	}
	chuid, err := a.CHUID(t.Context())
	if err != nil || !bytes.Equal(chuid.GUID[:], card.GUID()) || chuid.GUID == (GUID{}) || chuid.Expires.Year() != 2050 {
		t.Errorf("%+v, %v", chuid, err)
	}
	if id, err := a.CardIdentifier(t.Context()); err != nil || len(id) != 21 {
		t.Errorf("%x, %v", id, err)
	}
	if wrote, err := a.PutIdentity(t.Context()); err != nil || wrote != nil {
		t.Errorf("again: %v, %v", wrote, err)
	}
	if got := card.GUID(); !bytes.Equal(chuid.GUID[:], got) {
		t.Errorf("the GUID changed: %x", got)
	}
}

func TestSigner(t *testing.T) {
	for name, alg := range map[string]byte{"P-256": pivtest.AlgP256, "P-384": pivtest.AlgP384, "Ed25519": pivtest.AlgEd25519, "RSA": pivtest.AlgRSA2048} {
		t.Run(name, func(t *testing.T) {
			card, a := managed(t, pivtest.YubiKey5())
			pub := must1(card.Provision(0x9A, alg, pivtest.Policy{}))(t)
			signer := must1(a.Signer(t.Context(), SlotAuthentication, pub))(t)
			template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Me"}, NotAfter: time.Now().Add(time.Hour)}
			if _, err := x509.CreateCertificate(rand.Reader, template, template, pub, signer); !errors.Is(err, StatusSecurityNotSatisfied) {
				t.Errorf("without the PIN: %v", err)
			}
			must0(t, a.Verify(t.Context(), []byte(pivtest.DefaultPIN)))
			der, err := x509.CreateCertificate(rand.Reader, template, template, pub, signer)
			if err != nil {
				t.Fatal(err)
			}
			cert := must1(x509.ParseCertificate(der))(t)
			must0(t, a.AuthenticateManagement(t.Context(), DefaultManagementKey()))
			must0(t, a.PutCertificate(t.Context(), SlotAuthentication, cert))
			if got, err := a.Certificate(t.Context(), SlotAuthentication); err != nil || !got.X509.Equal(cert) {
				t.Errorf("read: %v, %v", got, err)
			}
		})
	}
}

func must0(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
