package softkeys

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// puttygen makes a key file, and returns it with the public half as puttygen writes it.
func puttygen(t testing.TB, passphrase string, options ...string) (file, public []byte) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "passphrase"), []byte(passphrase), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, append([]string{"puttygen", "-q", "--random-device", "/dev/urandom", "-C", "anna@laptop", "--new-passphrase", "passphrase", "-o", "key"}, options...)...)
	run(t, dir, "puttygen", "key", "--old-passphrase", "passphrase", "-O", "public-openssh", "-o", "key.pub")
	file, err := os.ReadFile(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	public, err = os.ReadFile(filepath.Join(dir, "key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	return file, public
}

func TestPutty(t *testing.T) {
	if _, err := exec.LookPath("puttygen"); err != nil {
		t.Skip("there is no puttygen: make deps")
	}
	for name, options := range map[string]string{
		"ed25519":          "-t ed25519",
		"ed25519, v2":      "-t ed25519 --ppk-param version=2",
		"P-256":            "-t ecdsa -b 256",
		"P-521, v2":        "-t ecdsa -b 521 --ppk-param version=2",
		"RSA":              "-t rsa -b 2048",
		"RSA, v2":          "-t rsa -b 2048 --ppk-param version=2",
		"ed25519, argon2i": "-t ed25519 --ppk-param kdf=argon2i,memory=64,passes=2",
	} {
		for _, passphrase := range []string{"", "secret"} {
			file, public := puttygen(t, passphrase, strings.Fields(options)...)
			private, err := ParsePrivate(file, []byte(passphrase))
			if err != nil {
				t.Errorf("%s, passphrase %q: %v", name, passphrase, err)
				continue
			}
			if private.Comment != "anna@laptop" {
				t.Errorf("%s: the comment is %q", name, private.Comment)
			}
			signer, err := signerOf(private.Key)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			pub, _, _, _, err := ssh.ParseAuthorizedKey(public)
			if err != nil || !bytes.Equal(pub.Marshal(), signer.PublicKey().Marshal()) {
				t.Errorf("%s: not the key that puttygen made: %v", name, err)
			}
			if err := checkSignature(signer, pub); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if passphrase == "" {
				changed := bytes.Replace(file, []byte("anna@laptop"), []byte("evil@laptop"), 1)
				_, err = ParsePrivate(changed, nil)
				wantError(t, err, "authentication code does not match")
				continue
			}
			if _, err := ParsePrivate(file, nil); !errors.Is(err, ErrPassphraseNeeded) {
				t.Errorf("%s, no passphrase: %v", name, err)
			}
			if _, err := ParsePrivate(file, []byte("wrong")); !errors.Is(err, ErrPassphraseWrong) {
				t.Errorf("%s, a wrong passphrase: %v", name, err)
			}
		}
	}
}

func TestPuttyRefuses(t *testing.T) {
	const head = "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: aes256-cbc\nComment: c\nPublic-Lines: 1\nAAAA\n"
	const tail = "Argon2-Passes: 1\nArgon2-Parallelism: 1\nArgon2-Salt: 00112233\nPrivate-Lines: 1\nAAAAAAAAAAAAAAAAAAAAAA==\nPrivate-MAC: 00\n"
	for file, want := range map[string]string{
		head + "Key-Derivation: Argon2d\nArgon2-Memory: 8192\n" + tail:                                                      "puttygen FILE -O private-openssh -o NEWFILE",
		head + "Key-Derivation: Argon2id\nArgon2-Memory: 4000000\n" + tail:                                                  "puttygen FILE -P",
		head + "Key-Derivation: Argon2id\nArgon2-Memory: 8\n" + tail:                                                        ErrPassphraseWrong.Error(),
		head + "Key-Derivation: Argon2id\nArgon2-Memory: 262144\n" + strings.Replace(tail, "Passes: 1", "Passes: 65", 1):    "puttygen FILE -P",
		head + "Key-Derivation: Argon2id\nArgon2-Memory: 0\n" + strings.Replace(tail, "Passes: 1", "Passes: 4294967295", 1): "puttygen FILE -P",
		head + "Key-Derivation: Argon2id\nArgon2-Memory: x\n" + tail:                                                        "truncated or damaged",
		strings.Replace(head, "File-3", "File-4", 1) + "Key-Derivation: Argon2id\n" + tail:                                  "of version 4",
		strings.Replace(head, "aes256-cbc", "rot13", 1) + tail:                                                              "encrypted with rot13",
		strings.Replace(head, "Lines: 1", "Lines: 60000", 1) + tail:                                                         "truncated or damaged",
		"PuTTY-User-Key-File-3": "truncated or damaged",
	} {
		_, err := ParsePrivate([]byte(file), []byte("secret"))
		wantError(t, err, want)
	}
}
