package pivtest

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// send gives the card an APDU in hex and returns the answer in hex.
func send(t *testing.T, c *Card, apdu string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(apdu, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.Transmit(b)
	if err != nil {
		return err.Error()
	}
	return hex.EncodeToString(answer)
}

// expect runs lines of "APDU = end of the answer".
func expect(t *testing.T, c *Card, script string) {
	t.Helper()
	for line := range strings.Lines(script) {
		apdu, want, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if !ok {
			continue
		}
		if got := send(t, c, apdu); !strings.HasSuffix(got, strings.ReplaceAll(want, " ", "")) {
			t.Errorf("%s = %s, want …%s", apdu, got, want)
		}
	}
}

const (
	selectPIV = "00a4040005a000000308"
	rightPIN  = "0020008008313233343536ffff"
	globalPIN = "0020000008313233343536ffff"
	wrongPIN  = "0020008008313131313131ffff"
	// signs: the template with an empty response and a SHA-256 of zeros.
	digest = "7c24 8200 8120 0000000000000000000000000000000000000000000000000000000000000000"
)

// loose is a card outside of any reader.
func loose(t *testing.T, character Character) *Card {
	t.Helper()
	c := NewCard(t, character)
	c.PowerOn()
	return c
}

func TestSelect(t *testing.T) {
	yubikey := loose(t, YubiKey5())
	expect(t, yubikey, `
		00200080 = 6d00
		00a404000ba000000308000010000100 = 9000
		00a4040009a00000030800001000 = 9000
		00a4040005a000000308 = 9000
		`+rightPIN+` = 9000
		00200080 = 9000
		00a4040005a000000308 = 9000
		00200080 = 63c3
		`+rightPIN+` = 9000
		00a4040008a000000527471117 = 9000
		00200080 = 6d00
		00a4040005a000000308 = 9000
		00200080 = 63c3
		`+rightPIN+` = 9000
		00a40400050102030405 = 6a82
		00200080 = 6d00
		00a4040004a0000003 = 6a82
		00a40000023f00 = 6a86`)

	government := loose(t, GovernmentPIV())
	expect(t, government, selectPIV+` = 6118
		00c0000018 = 9000
		`+globalPIN+` = 9000
		00200000 = 9000
		`+selectPIV+` = 6118
		00200000 = 9000
		00a40400050102030405 = 6a82
		00200000 = 9000
		00a4040007a0000001510000 = 9000
		00200000 = 6d00
		`+selectPIV+` = 6118
		00200000 = 9000`) // the card's PIN outlives the application
	government.PowerOn()
	expect(t, government, selectPIV+" = 6118\n00200000 = 63c3")
}

func TestVerify(t *testing.T) {
	c := loose(t, YubiKey5())
	expect(t, c, selectPIV+` = 9000
		00200000 = 6a88
		00200080 = 63c3
		`+wrongPIN+` = 63c2
		`+rightPIN+` = 9000
		00200080 = 9000
		`+wrongPIN+` = 63c2
		00200080 = 63c2
		`+rightPIN+` = 9000
		0020ff80 = 9000
		00200080 = 63c3
		0020008004 31323334 = 6a80
		`+wrongPIN+` = 63c2
		`+wrongPIN+` = 63c1
		`+wrongPIN+` = 6983
		`+rightPIN+` = 6983
		00200080 = 6983
		002c008010 3131313131313131 363534333231ffff = 63c2
		002c008010 3132333435363738 363534333231ffff = 9000
		0020008008 363534333231ffff = 9000
		0024008010 363534333231ffff 31323334ffffffff = 6a80
		0024008010 363534333231ffff 313233343536ffff = 9000
		0024008110 3132333435363738 3837363534333231 = 9000
		0024008110 3132333435363738 3837363534333231 = 63c2`)
	if n := c.Counts().WrongPINs; n != 7 {
		t.Errorf("%d wrong PINs", n)
	}

	g := loose(t, GovernmentPIV())
	expect(t, g, selectPIV+` = 6118
		`+rightPIN+` = 6a88
		0020000008 3132333435ffffff = 6a80
		0020000008 313131313131ffff = 63c2
		0020000008 313131313131ffff = 63c1
		0020000008 313131313131ffff = 63c0
		0020000008 313233343536ffff = 6983
		002c008010 3132333435363738 363534333231ffff = 6a88`)
}

// TestPolicies: the same signature is given or refused as the PIN was given.
func TestPolicies(t *testing.T) {
	c := loose(t, YubiKey5())
	for slot, pin := range map[byte]byte{0x9a: PINOnce, 0x9c: PINAlways, 0x9e: PINNever} {
		provisioned(t, c, slot, AlgP256, Policy{})
		if got := c.state.Slots[slot].PIN; got != pin {
			t.Errorf("slot %x: PIN policy %d", slot, got)
		}
	}
	sign := func(slot string) string { return "008711" + slot + "26" + digest }
	expect(t, c, selectPIV+` = 9000
		`+sign("9e")+` = 9000
		`+sign("9a")+` = 6982
		`+sign("9c")+` = 6982
		`+sign("9d")+` = 6a86
		`+rightPIN+` = 9000
		`+sign("9a")+` = 9000
		`+sign("9a")+` = 9000
		`+rightPIN+` = 9000
		`+sign("9c")+` = 9000
		`+sign("9c")+` = 6982
		00871111 = 6a80`)
	c.ForgetPIN()
	expect(t, c, "00200080 = 9000\n"+sign("9a")+" = 6982\n"+rightPIN+" = 9000\n"+sign("9a")+" = 9000")

	// By the book: the PIN comes right before, with the global reference; T=0 has
	// 61xx for the signature.
	g := loose(t, GovernmentPIV())
	signed := func(apdu string) bool { return strings.HasPrefix(send(t, g, apdu), "61") }
	send(t, g, selectPIV)
	if !signed(sign("9e")) || signed(sign("9c")) {
		t.Error("without a PIN")
	}
	send(t, g, globalPIN)
	if !signed(sign("9c")) || signed(sign("9c")) {
		t.Error("one PIN, one signature")
	}
	send(t, g, globalPIN)
	send(t, g, "00200000")
	if signed(sign("9c")) {
		t.Error("the PIN was not the command right before")
	}
}

// TestT0: answers are fetched, and only with the right Le.
func TestT0(t *testing.T) {
	g := loose(t, GovernmentPIV())
	expect(t, g, selectPIV+` = 6118
		00c00000ff = 6c18
		00c0000018 = 9000
		00c0000001 = 6985
		`+selectPIV+` = 6118
		00c0000001 = 6117
		00c0000017 = 9000
		00cb3fff 03 5c017e = 6114
		00c0000010 = 6104
		00c0000004 = 9000
		00cb3fff 03 5c017e 00 = 6700
		00cb3fff 00 0003 5c017e 0000 = 6700
		00fd000000 = 6d00
		00cb3fff 05 5c035fc105 = 6100`)
}

func TestT1(t *testing.T) {
	c := loose(t, YubiKey5())
	provisioned(t, c, 0x9a, AlgRSA2048, Policy{})
	get := "00cb3fff 05 5c035fc105"
	expect(t, c, selectPIV+" = 9000\n"+get+" 00 = 6100\n"+
		"00cb3fff 000005 5c035fc105 0000 = 9000\n00fd000000 = 9000\n"+
		"10cb3fff 02 5c03 = 9000\n00cb3fff 03 5fc105 00 = 6100\n"+
		"10cb3fff 02 5c03 = 9000\n00fd000000 = 6883\n00fd000000 = 9000\n0cfd000000 = 6882\n80fd000000 = 6e00")
	c.ShortOnly(true)
	expect(t, c, "00cb3fff 000005 5c035fc105 0000 = 6700\n"+get+" 00 = 6100")
	c.ExactLe(true)
	expect(t, c, "00fd000000 = 6c03\n00fd000003 = 9000")
	c.ExactLe(false)
	expect(t, c, "00fd000000 = 9000")
}

// TestObjects: what needs the PIN or the management key is refused without.
func TestObjects(t *testing.T) {
	c := loose(t, YubiKey5())
	put := "00db3fff 0c 5c035fff00 5305 0102030405"
	expect(t, c, selectPIV+` = 9000
		00cb3fff 05 5c035fff00 00 = 6a82
		`+put+` = 6982
		00cb3fff 05 5c035fc109 00 = 6982
		`+rightPIN+` = 9000
		00cb3fff 05 5c035fc109 00 = 6a82
		00cb3fff 03 5c017e 00 = 4000 9000
		0047009c 05 ac03800111 = 6982
		00fe1182 05 0603010203 = 6982`)
	becomeAdmin(t, c)
	expect(t, c, put+` = 9000
		00cb3fff 05 5c035fff00 00 = 5305 0102030405 9000
		00db3fff 07 5c035fff00 5300 = 9000
		00cb3fff 05 5c035fff00 00 = 6a82
		0047009c 05 ac03800133 = 6a80
		0047009c 05 ac03800111 = 9000
		00f7009c00 = 9000
		00f7009d00 = 6a88
		00f69d9c = 9000
		00f7009d00 = 9000
		00f6ff9d = 9000
		00f7009d00 = 6a88
		00fb0000 = 6985`)
}

// becomeAdmin authenticates mutually, as yubico-piv-tool and piv-go do.
func becomeAdmin(t *testing.T, c *Card) {
	t.Helper()
	block, err := aes.NewCipher(DefaultManagementKey())
	if err != nil {
		t.Fatal(err)
	}
	expect(t, c, fmt.Sprintf("00870a9b 26 7c24 8010 %[1]x 8110 %[1]x = 6982", make([]byte, 16))) // a witness made up
	witness, err := hex.DecodeString(send(t, c, "00870a9b 04 7c028000")[8:40])
	if err != nil {
		t.Fatal(err)
	}
	block.Decrypt(witness, witness)
	answer := encrypt(block, make([]byte, 16))
	expect(t, c, fmt.Sprintf("00870a9b 26 7c24 8010 %x 8110 %x = 7c12 8210 %x 9000", witness, make([]byte, 16), answer))
}

// TestGzip: the government's certificates are compressed and the right ones.
func TestGzip(t *testing.T) {
	g := NewCard(t, GovernmentPIV())
	for slot, k := range g.state.Slots {
		f, ok := fields(g.Object(certificateObject(slot)))
		if !ok || !bytes.Equal(f[0x71], []byte{1}) {
			t.Fatalf("slot %x: CertInfo %x", slot, f[0x71])
		}
		r, err := gzip.NewReader(bytes.NewReader(f[0x70]))
		if err != nil {
			t.Fatal(err)
		}
		der, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil || !bytes.Equal(publicObject(cert.PublicKey), publicObject(k.private.Public())) {
			t.Errorf("slot %x: %v", slot, err)
		}
	}
}

// TestKept: a card that is taken up again has its keys, objects and tries.
func TestKept(t *testing.T) {
	for _, character := range []Character{YubiKey5(), GovernmentPIV()} {
		cfg := Config{Character: character, Dir: filepath.Join(t.TempDir(), "card")}
		c, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		public := provisioned(t, c, 0x9a, AlgP384, Policy{Touch: TouchAlways})
		c.PowerOn()
		send(t, c, selectPIV)
		send(t, c, fmt.Sprintf("002000%02x08313131313131ffff", character.pinReference()))
		again, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if pin, _ := again.Tries(); pin != 2 {
			t.Errorf("%d tries left", pin)
		}
		if !bytes.Equal(publicObject(again.PublicKey(0x9a)), publicObject(public)) || again.Serial() != c.Serial() {
			t.Error("another key or serial number")
		}
		if again.state.Slots[0x9a].Touch != TouchAlways || !bytes.Equal(again.GUID(), c.GUID()) {
			t.Error("another policy or GUID")
		}
		cfg.Character = YubiKey5TDES()
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), character.Name) {
			t.Errorf("a card changed its character: %v", err)
		}
		if info, err := os.Stat(filepath.Join(cfg.Dir, stateFile)); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(info, err)
		}
	}
}
