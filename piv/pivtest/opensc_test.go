package pivtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// module finds a PKCS #11 module of Debian's.
func module(t *testing.T, name string) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/*/" + name)
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s\nrun `make deps`, which installs it", name)
	}
	return found[0]
}

// TestOpenSC has OpenSC judge both characters: it finds, lists and uses the keys.
func TestOpenSC(t *testing.T) {
	rig := NewRig(t)
	// OpenSC 0.23 asks for random bytes by a challenge of a 3DES management key.
	yubikey := NewCard(t, YubiKey5TDES())
	provisioned(t, yubikey, 0x9a, AlgP256, Policy{})
	provisioned(t, yubikey, 0x9c, AlgRSA2048, Policy{})
	provisioned(t, yubikey, 0x9d, AlgP384, Policy{})
	provisioned(t, yubikey, 0x9e, AlgP256, Policy{})
	for slot, card := range map[int]*Card{0: yubikey, 2: NewCard(t, GovernmentPIV())} {
		t.Run(card.Character().Name, func(t *testing.T) {
			insert(t, rig, slot, card)
			defer rig.Slot(slot).Remove()
			judgeByOpenSC(t, card, slot)
		})
	}
}

// TestOpenSCAndKnobs: OpenSC gets along with cards that are awkward, too.
func TestOpenSCAndKnobs(t *testing.T) {
	rig := NewRig(t)
	card := NewCard(t, YubiKey5())
	provisioned(t, card, 0x9a, AlgRSA2048, Policy{})
	card.ShortOnly(true)
	card.ExactLe(true)
	insert(t, rig, 0, card)
	pkcs11 := module(t, "opensc-pkcs11.so")
	wants(t, tool(t, "ssh-keygen", "-D", pkcs11), sshLine(t, card, 0x9a))
	signByOpenSC(t, card, pkcs11, "01", 0x9a)
	wants(t, strings.Join(card.Log(), "\n"), "< 6c")
}

func judgeByOpenSC(t *testing.T, card *Card, reader int) {
	r := fmt.Sprint(reader)
	wants(t, tool(t, "opensc-tool", "-l"), fmt.Sprintf("%d    Yes", reader))
	wants(t, tool(t, "opensc-tool", "-r", r, "-n"), "Personal Identity Verification Card")
	atr := strings.ReplaceAll(tool(t, "opensc-tool", "-r", r, "-a"), ":", "")
	wants(t, atr, fmt.Sprintf("%x", card.ATR()))

	dump := tool(t, "pkcs15-tool", "--reader", r, "-D")
	wants(t, dump, "PIV AUTH key", "SIGN key", "KEY MAN key", "CARD AUTH key", "Certificate for PIV Authentication")
	gov := !card.Character().Yubico
	if gov {
		wants(t, dump, "Global PIN", "Retired KEY MAN 1", fmt.Sprintf("%x", card.GUID()), holder)
	}
	pkcs11 := module(t, "opensc-pkcs11.so")
	wants(t, tool(t, "pkcs11-tool", "--module", pkcs11, "-O"), "Certificate for Digital Signature", "Certificate for Card Authentication")
	wants(t, tool(t, "pkcs11-tool", "--module", pkcs11, "-t", "--login", "--pin", DefaultPIN), "No errors")
	wants(t, tool(t, "ssh-keygen", "-D", pkcs11), sshLine(t, card, 0x9a), sshLine(t, card, 0x9c), sshLine(t, card, 0x9e))
	for id, slot := range map[string]byte{"01": 0x9a, "02": 0x9c, "04": 0x9e} {
		signByOpenSC(t, card, pkcs11, id, slot)
	}
}

func sshLine(t *testing.T, card *Card, slot byte) string {
	t.Helper()
	k, err := ssh.NewPublicKey(card.PublicKey(slot))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k)))
}

// signByOpenSC: with 9C it gives the PIN a second time, right before.
func signByOpenSC(t *testing.T, card *Card, pkcs11, id string, slot byte) {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte("to be signed"), 0o600); err != nil {
		t.Fatal(err)
	}
	mechanism := "ECDSA-SHA256"
	if strings.HasPrefix(sshLine(t, card, slot), "ssh-rsa") {
		mechanism = "SHA256-RSA-PKCS"
	}
	args := []string{"--module", pkcs11, "-s", "-m", mechanism, "--id", id, "-i", in, "-o", out,
		"--signature-format", "openssl", "--login", "--pin", DefaultPIN}
	before := card.Counts().Signatures
	tool(t, "pkcs11-tool", args...)
	signature, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	verified(t, card.PublicKey(slot), []byte("to be signed"), signature)
	if after := card.Counts().Signatures; after != before+1 {
		t.Errorf("slot %x: %d signatures, then %d", slot, before, after)
	}
}
