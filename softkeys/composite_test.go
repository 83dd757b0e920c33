package softkeys

import (
	"bytes"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// vector is a file that ssh-keygen of OpenSSH 10.5 has made.
func vector(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../keys/publickey/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCompositeIsImportedSealedAndSigns(t *testing.T) {
	s, _ := newStore(t)
	private, err := ParsePrivate(vector(t, "composite"), nil)
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Import(t.Context(), "quantum", private)
	if err != nil {
		t.Fatal(err)
	}
	want, comment, _, _, err := publickey.ParseLine(vector(t, "composite.pub"))
	if err != nil || !bytes.Equal(info.Blob, want.Marshal()) || info.Comment != comment {
		t.Errorf("%v, %+v", err, info)
	}
	mustSign(t, s, info)
	mustSign(t, again(s), info) // from the disk
	seeds := private.Key.(*publickey.CompositeSigner).Seeds()
	wantNotOnDisk(t, s.dir, seeds[:32], seeds[32:])
	if err := os.Remove(s.file("quantum", ".pub")); err != nil {
		t.Fatal(err)
	}
	if err := s.Repair(t.Context(), "quantum", func(keys.Info, bool) error { return nil }); err != nil {
		t.Error(err)
	}
	if line, err := os.ReadFile(s.file("quantum", ".pub")); err != nil || !bytes.Equal(line, vector(t, "composite.pub")) {
		t.Errorf("%v: %s", err, line)
	}
}

// ssh-keygen of OpenSSH 10.5 has encrypted it.
func TestEncryptedCompositeIsRead(t *testing.T) {
	locked := vector(t, "composite-locked")
	private, err := ParsePrivate(locked, []byte("the files own"))
	if err != nil || private.Comment != "bob@laptop" {
		t.Fatalf("%v, %q", err, private.Comment)
	}
	block, _ := pem.Decode(locked)
	file, _ := readOpenSSH(block.Bytes)
	if public, err := private.Public(); err != nil || !bytes.Equal(public.Marshal(), file.Public) {
		t.Errorf("another key than the file's: %v", err)
	}
	for passphrase, want := range map[string]error{"": ErrPassphraseNeeded, "the file's own": ErrPassphraseWrong} {
		if _, err := ParsePrivate(locked, []byte(passphrase)); !errors.Is(err, want) {
			t.Errorf("%q: %v, not %v", passphrase, err, want)
		}
	}
}

func TestCompositeIsGenerated(t *testing.T) {
	s, _ := newStore(t)
	info, err := s.Generate(t.Context(), "new", KeySpec{Type: "mldsa44-ed25519"}, "")
	if err != nil || info.PublicKey.Type() != publickey.MLDSA44Ed25519 {
		t.Fatalf("%v, %+v", err, info)
	}
	mustSign(t, s, info)
	if _, err := s.Generate(t.Context(), "other", KeySpec{"mldsa44-ed25519", 44}, ""); err == nil {
		t.Error("it has 44 bits")
	}
}

// What is written is what ssh-keygen writes, but for the number at its start.
func TestCompositeFileIsOpenSSHs(t *testing.T) {
	private, err := ParsePrivate(vector(t, "composite"), nil)
	if err != nil {
		t.Fatal(err)
	}
	written, err := marshalPrivate(private.Key, private.Comment)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(vector(t, "composite"))
	ours, _ := readOpenSSH(written.Bytes)
	theirs, _ := readOpenSSH(block.Bytes)
	const checks = 8
	if !bytes.Equal(ours.Private[checks:], theirs.Private[checks:]) || !bytes.Equal(ours.Public, theirs.Public) || len(written.Bytes) != len(block.Bytes) {
		t.Errorf("%x\n%x", ours.Private[checks:], theirs.Private[checks:])
	}
}

func TestDamagedCompositeIsRefused(t *testing.T) {
	block, _ := pem.Decode(vector(t, "composite"))
	whole, _ := readOpenSSH(block.Bytes)
	for what, change := range map[string]func(*opensshFile){
		"a check number":        func(f *opensshFile) { f.Private[0] ^= 1 },
		"the padding":           func(f *opensshFile) { f.Private[len(f.Private)-1] ^= 1 },
		"more padding":          func(f *opensshFile) { f.Private = append(f.Private, 1, 2, 3, 4, 5, 6, 7, 8) },
		"the inner public half": func(f *opensshFile) { f.Private[100] ^= 1 },
		"two keys":              func(f *opensshFile) { f.Keys = 2 },
		"nothing":               func(*opensshFile) {}, // the twin
		"what is not looked at": func(f *opensshFile) { f.Public = ssh.Marshal(struct{ Type string }{publickey.MLDSA44Ed25519}) },
	} {
		file := whole
		file.Public, file.Private = bytes.Clone(file.Public), bytes.Clone(file.Private)
		change(&file)
		data := pem.EncodeToMemory(&pem.Block{Type: opensshType, Bytes: append([]byte(opensshMagic), ssh.Marshal(file)...)})
		if _, err := ParsePrivate(data, nil); (err == nil) != (what == "nothing" || what == "what is not looked at") {
			t.Errorf("%s was changed: %v", what, err)
		}
	}
}
