package piv

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/keybroker/keybroker/piv/pivtest"
)

func TestCHUID(t *testing.T) {
	// The FASC-N of the example in PACS 2.3 section 2.1: agency 0032, system 0001, credential 092446.
	fascn := "D0439458210C2C19A0846D83685A1082108CE73984108CA3FC"
	id := parseCHUID(unhex(t, "3019"+fascn+"3410AABBCCDDEEFF00112233445566778899"+"35083230333030313331"+"3E00FE00"))
	if got := FASCNString(id.FASCN); got != "0032-0001-092446" {
		t.Errorf("FASC-N %q", got)
	}
	if id.GUID.String() != "aabbccdd-eeff-0011-2233-445566778899" {
		t.Errorf("GUID %s", id.GUID)
	}
	if !id.Expires.Equal(time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("expires %s", id.Expires)
	}
	for _, odd := range []string{"", "3019" + fascn[:20], "3400", "350439393939"} {
		if id := parseCHUID(unhex(t, odd)); id.GUID != (GUID{}) || !id.Expires.IsZero() {
			t.Errorf("%s: %+v", odd, id)
		}
	}
	if FASCNString(make([]byte, fascnBytes)) != "" {
		t.Error("zeros are a FASC-N")
	}
}

// A card with a long signed CHUID is told by its start: one command.
func TestCHUIDStart(t *testing.T) {
	card := newCard(t, pivtest.GovernmentPIV())
	if err := card.SetObject(uint32(objectCHUID), append(card.Object(uint32(objectCHUID)), appendTLV(nil, 0x3E, make([]byte, 2000))...)); err != nil {
		t.Fatal(err)
	}
	a := selected(t, card)
	before := card.Counts().APDUs
	start := must1(a.chuidStart(t.Context()))(t)
	if start.GUID != GUID(card.GUID()) {
		t.Errorf("GUID %s", start.GUID)
	}
	if n := card.Counts().APDUs - before; n > 2 { // T=0 needs GET RESPONSE
		t.Errorf("%d commands", n)
	}
	if whole := must1(a.CHUID(t.Context()))(t); whole.GUID != start.GUID {
		t.Errorf("GUID %s", whole.GUID)
	}
}

func TestDiscovery(t *testing.T) {
	for policy, want := range map[string]PINReference{
		"4000": PINApplication, "4010": PINApplication, "6010": PINApplication,
		"6020": PINGlobal, "2000": PINGlobal, "": PINApplication,
	} {
		card := cardFunc(func([]byte) []byte {
			if policy == "" {
				return []byte{0x6A, 0x82}
			}
			return append(appendTLV(nil, 0x7E, appendTLV(nil, 0x5F2F, unhex(t, policy))), 0x90, 0x00)
		})
		a := newApplet(card)
		got, err := a.PINReference(t.Context())
		if err != nil || got != want {
			t.Errorf("%s: %02x %v", policy, got, err)
		}
	}
}

func TestCertificateForms(t *testing.T) {
	der := selfSigned(t, big.NewInt(1))
	wrongSum := zlibbed(t, der)
	wrongSum[len(wrongSum)-1] ^= 0xFF
	for name, test := range map[string]struct {
		object  []byte
		problem bool
		fails   bool
	}{
		"plain":              {object: container(der, 0)},
		"gzip":               {object: container(packed(t, der), 1)},
		"gzip, other bit":    {object: container(packed(t, der), 0x80)},
		"gzip, not told":     {object: container(packed(t, der), 0)},
		"plain, told gzip":   {object: container(der, 1)},
		"padded":             {object: container(append(bytes.Clone(der), 0, 0, 0), 0)},
		"negative serial":    {object: container(negativeSerial(t), 0), problem: true},
		"no certificate":     {object: container(nil, 0), fails: true},
		"gzip, padded":       {object: container(append(packed(t, der), 0, 0, 0), 1)},
		"zlib":               {object: container(zlibbed(t, der), 1)},
		"zlib, not told":     {object: container(zlibbed(t, der), 0)},
		"zlib, padded":       {object: container(append(zlibbed(t, der), 0, 0, 0), 1)},
		"Net iD":             {object: container(netIDed(t, der), 1)},
		"length 83":          {object: append([]byte{0x70, 0x83, 0, byte(len(der) >> 8), byte(len(der))}, der...)},
		"length 84":          {object: append([]byte{0x70, 0x84, 0, 0, byte(len(der) >> 8), byte(len(der))}, der...)},
		"length 83, zlib":    {object: lengthOf83(zlibbed(t, der))},
		"zlib bomb":          {object: container(zlibbed(t, make([]byte, maxCertificate+1)), 1), fails: true},
		"Net iD bomb":        {object: container(netIDed(t, make([]byte, 64<<20)), 1), fails: true},
		"zlib, cut off":      {object: container(zlibbed(t, der)[:100], 1), fails: true},
		"zlib, wrong sum":    {object: container(wrongSum, 1), fails: true},
		"length of 4 GB":     {object: append([]byte{0x70, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, der...), fails: true},
		"gzip bomb":          {object: container(packed(t, make([]byte, maxCertificate+1)), 1), fails: true},
		"damaged gzip":       {object: container([]byte{0x1F, 0x8B, 8, 0}, 1), fails: true},
		"no tag 70":          {object: []byte{0x71, 1, 0}, fails: true},
		"nonsense for a DER": {object: container([]byte("nonsense"), 0), problem: true},
	} {
		cert, err := parseCertificateObject(test.object)
		if (err != nil) != test.fails {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !test.fails && (cert.Problem != "") != test.problem {
			t.Errorf("%s: problem %q", name, cert.Problem)
		}
		if !test.fails && name != "nonsense for a DER" && cert.PublicKey == nil {
			t.Errorf("%s: no key", name)
		}
	}
}

func container(der []byte, info byte) []byte {
	out := appendTLV(nil, 0x70, der)
	out = appendTLV(out, 0x71, []byte{info})
	return appendTLV(out, 0xFE, nil)
}

func packed(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zlibbed(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// netIDed is what Net iD writes: 01 00, the length with its low byte first, zlib.
func netIDed(t *testing.T, data []byte) []byte {
	return append([]byte{1, 0, byte(len(data)), byte(len(data) >> 8)}, zlibbed(t, data)...)
}

func lengthOf83(data []byte) []byte {
	return append(append([]byte{0x70, 0x83, 0, byte(len(data) >> 8), byte(len(data))}, data...), 0x71, 1, 1)
}

func selfSigned(t *testing.T, serial *big.Int) []byte {
	t.Helper()
	key := privateKey(t, P256).(*ecdsa.PrivateKey)
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "card"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0)}
	return must1(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)
}

// negativeSerial is what some issuers made, and what x509 refuses.
func negativeSerial(t *testing.T) []byte {
	t.Helper()
	der := selfSigned(t, big.NewInt(0x7F))
	at := bytes.Index(der, []byte{0x02, 0x01, 0x7F})
	der[at+2] = 0x80
	if _, err := x509.ParseCertificate(der); err == nil {
		t.Fatal("x509 takes negative serial numbers now")
	}
	return der
}
