package publickey

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// The files in testdata are from ssh-keygen of OpenSSH 10.5: a key, certificates that it
// signed for a plain key and for a key of its type, and its SSHSIG of a file.

func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func line(t testing.TB, name string) ssh.PublicKey {
	t.Helper()
	key, comment, _, rest, err := ParseLine(file(t, name))
	if err != nil || len(rest) > 0 || comment == "" {
		t.Fatalf("%s: %v, %q, %q", name, err, comment, rest)
	}
	return key
}

// seeds reads the private half from the end of OpenSSH's file (PROTOCOL.key).
func seeds(t testing.TB) []byte {
	t.Helper()
	block, _ := pem.Decode(file(t, "composite"))
	if block == nil {
		t.Fatal("no PEM")
	}
	head := ssh.Marshal(struct{ Length uint32 }{CompositeSeeds})
	at := bytes.LastIndex(block.Bytes, head)
	return block.Bytes[at+4 : at+4+CompositeSeeds]
}

func TestOpenSSHsSignatureVerifies(t *testing.T) {
	key := line(t, "composite.pub")
	if key.Type() != MLDSA44Ed25519 || !strings.HasSuffix(strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), strings.Fields(string(file(t, "composite.pub")))[1]) {
		t.Fatalf("%s", ssh.MarshalAuthorizedKey(key))
	}
	block, _ := pem.Decode(file(t, "data.sig"))
	var parts struct {
		Version                   uint32
		Key                       []byte
		Namespace, Reserved, Hash string
		Signature                 []byte
	}
	if err := ssh.Unmarshal(block.Bytes[len("SSHSIG"):], &parts); err != nil {
		t.Fatal(err)
	}
	hash := sha512.Sum512(file(t, "data"))
	signed := append([]byte("SSHSIG"), ssh.Marshal(struct {
		Namespace, Reserved, Hash string
		Sum                       []byte
	}{parts.Namespace, parts.Reserved, parts.Hash, hash[:]})...)
	signature := new(ssh.Signature)
	if err := ssh.Unmarshal(parts.Signature, signature); err != nil {
		t.Fatal(err)
	}
	if err := key.Verify(signed, signature); err != nil {
		t.Error(err)
	}
	for _, at := range []int{0, 2419, 2420, len(signature.Blob) - 1} { // in each of the halves
		signature.Blob[at] ^= 1
		if key.Verify(signed, signature) == nil {
			t.Errorf("byte %d changed, and it verifies", at)
		}
		signature.Blob[at] ^= 1
	}
}

func TestSignerIsThatOfOpenSSH(t *testing.T) {
	key := line(t, "composite.pub").(*Composite)
	signer, err := NewCompositeSigner(seeds(t), key.packed[:])
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(signer.Seeds(), seeds(t)) {
		t.Error("the seeds are not those that came")
	}
	signature, err := signer.Sign(rand.Reader, []byte("x"))
	if err != nil || key.Verify([]byte("x"), signature) != nil || key.Verify([]byte("y"), signature) == nil {
		t.Errorf("%v", err)
	}
	if _, err := signer.SignWithAlgorithm(rand.Reader, nil, ssh.KeyAlgoED25519); err == nil {
		t.Error("it signs by another algorithm")
	}
	other := bytes.Clone(seeds(t))
	other[0] ^= 1
	if _, err := NewCompositeSigner(other, key.packed[:]); err == nil {
		t.Error("halves that do not belong together are taken")
	}
	if _, err := NewCompositeSigner(other[1:], nil); err == nil {
		t.Error("a short private key is taken")
	}
}

func TestCertificateByAComposite(t *testing.T) {
	cert, ok := line(t, "plain-cert.pub").(*ssh.Certificate)
	if !ok || cert.KeyId != "id" || cert.ValidPrincipals[0] != "anna" || cert.SignatureKey.Type() != MLDSA44Ed25519 {
		t.Fatalf("%+v", cert)
	}
	checker := ssh.CertChecker{IsUserAuthority: func(key ssh.PublicKey) bool { return key.Type() == MLDSA44Ed25519 }}
	if err := checker.CheckCert("anna", cert); err != nil {
		t.Error(err)
	}
	again, err := Parse(cert.Marshal())
	if err != nil || !bytes.Equal(again.Marshal(), cert.Marshal()) {
		t.Errorf("it does not come back as it was: %v", err)
	}
	cert.ValidPrincipals = []string{"root"}
	if checker.CheckCert("root", cert) == nil {
		t.Error("a certificate that was changed is good")
	}
}

// It is from ssh-keygen of OpenSSH 10.5.
func TestCertificateForAComposite(t *testing.T) {
	key := line(t, "composite-cert.pub")
	cert, ok := CertificateOf(key)
	if !ok || key.Type() != MLDSA44Ed25519Certificate || cert.CertType != ssh.UserCert || len(cert.ValidPrincipals) == 0 {
		t.Fatalf("%+v", cert)
	}
	plain := line(t, "composite.pub")
	if !bytes.Equal(Certified(key).Marshal(), plain.Marshal()) {
		t.Error("it certifies another key")
	}
	if !bytes.Equal(key.Marshal(), must(Parse(key.Marshal())).Marshal()) || !strings.Contains(string(file(t, "composite-cert.pub")), base64.StdEncoding.EncodeToString(key.Marshal())) {
		t.Error("it does not come back as it was")
	}
	if !SignedByAuthority(key) {
		t.Error("its authority's signature is not seen")
	}
	signer := must(NewCompositeSigner(seeds(t), nil))
	if err := key.Verify([]byte("x"), must(signer.Sign(rand.Reader, []byte("x")))); err != nil {
		t.Error(err)
	}
	principal := bytes.Index(key.Marshal(), []byte(cert.ValidPrincipals[0]))
	for what, at := range map[string]int{"the certified key": 200, "a principal": principal, "the signature": len(key.Marshal()) - 1} {
		changed := key.Marshal()
		changed[at] ^= 1
		if other, err := Parse(changed); err == nil && SignedByAuthority(other) {
			t.Errorf("%s was changed, and it is good", what)
		}
	}
	for _, blob := range [][]byte{append(key.Marshal(), 0), key.Marshal()[:len(key.Marshal())-1], key.Marshal()[:60]} {
		if other, err := Parse(blob); err == nil {
			t.Errorf("%d bytes are %v", len(blob), other)
		}
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestOtherKeys(t *testing.T) {
	if key := line(t, "plain.pub"); key.Type() != ssh.KeyAlgoED25519 {
		t.Error(key.Type())
	}
	foreign := ssh.Marshal(struct{ Type, Key string }{"ssh-future@example.com", "x"})
	unknown := UnknownType{}
	if _, err := Parse(foreign); !errors.As(err, &unknown) || unknown.Type != "ssh-future@example.com" {
		t.Errorf("%v", err)
	}
	for _, kind := range []string{ssh.KeyAlgoED25519, MLDSA44Ed25519} {
		if key, err := Parse(ssh.Marshal(struct{ Type, Key string }{kind, "x"})); key != nil || err == nil || errors.As(err, &unknown) {
			t.Errorf("a damaged key of a known type: %v, %v", key, err)
		}
	}
}

// OpenSSH separates fields by spaces and tabs. What other readers take for white space, too,
// is a part of a name or a type.
func TestFieldsAreOpenSSHs(t *testing.T) {
	plain, composite := line(t, "plain.pub"), line(t, "composite.pub")
	for _, key := range []ssh.PublicKey{plain, composite} {
		name, encoded := key.Type(), base64.StdEncoding.EncodeToString(key.Marshal())
		for _, test := range []struct {
			line string
			host string // "": no line of a key
		}{
			{"a " + name + " " + encoded, "a"},
			{"\t a\t \t" + name + "\t\t" + encoded + "\tc d \r\n", "a"},
			{"@revoked\ta " + name + " " + encoded, "a"},
			{"a\xc2\xa0 " + name + " " + encoded, "a\xc2\xa0"},
			{"a\v " + name + " " + encoded, "a\v"},
			{"a \r " + name + " " + encoded, ""},
			{"a \xc2\x85 " + name + " " + encoded, ""},
			{"a " + name + "\f " + encoded, ""},
			{"a " + name + " " + encoded + "\xc2\xa0", ""},
			{"#a " + name + " " + encoded, ""},
			{"a ssh-rsa " + encoded, ""},
			{"a " + name, ""}, {"@revoked a " + name, ""}, {"a", ""}, {"@", ""}, {"", ""},
		} {
			_, hosts, got, err := ParseHostLine([]byte(test.line))
			if host := strings.Join(hosts, ","); host != test.host || (got != nil) != (test.host != "") || (err == nil) != (test.host != "") {
				t.Errorf("%q is for %q: %v, want %q", test.line, host, err, test.host)
			}
		}
		text := []byte(" \r\n\t\n\t" + name + "\t" + encoded + " \t c\td\t\r\nrest")
		if got, comment, _, rest, err := ParseLine(text); err != nil || got.Type() != name || comment != "c\td" || string(rest) != "rest" {
			t.Errorf("%v, comment %q, rest %q", err, comment, rest)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"composite.pub", "composite-cert.pub", "plain.pub", "plain-cert.pub"} {
		f.Add(line(f, name).Marshal())
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		key, err := Parse(blob)
		if (key == nil) != (err != nil) {
			t.Fatalf("%v, %v", key, err)
		}
		if err != nil {
			return
		}
		if again, err := Parse(key.Marshal()); err != nil || again.Type() != key.Type() {
			t.Errorf("%v", err)
		}
	})
}
