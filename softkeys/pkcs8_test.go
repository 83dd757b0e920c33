package softkeys

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each encryption of PKCS#8 is opened here, or left to ssh-add before anybody is asked.
func TestEncryptedPKCS8(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "openssl", "genpkey", "-algorithm", "ed25519", "-out", "plain")
	for options, want := range map[string]error{
		"-v2 aes256 -v2prf hmacWithSHA256":      ErrPassphraseNeeded,
		"-v2 aes-192-cbc -v2prf hmacWithSHA1":   ErrPassphraseNeeded,
		"-v2 aes-128-cbc -v2prf hmacWithSHA224": ErrPassphraseNeeded,
		"-v2 des3 -v2prf hmacWithSHA384":        ErrPassphraseNeeded,
		"-v2 aes256 -v2prf hmacWithSHA512":      ErrPassphraseNeeded,
		"-scrypt":                               ErrPassphraseNeeded,
		"-scrypt -scrypt_p 9":                   errPKCS8, // more work than a file may ask for
		"-iter 10000001":                        errPKCS8,
		"-v1 PBE-SHA1-3DES":                     errPKCS8,
		"-v2 camellia-256-cbc":                  errPKCS8,
		"-v2 aes-256-ofb":                       errPKCS8,
	} {
		run(t, dir, append([]string{"openssl", "pkcs8", "-topk8", "-passout", "pass:secret", "-in", "plain", "-out", "key"}, strings.Fields(options)...)...)
		file, err := os.ReadFile(filepath.Join(dir, "key"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParsePrivate(file, nil); !errors.Is(err, want) {
			t.Errorf("%s: %v", options, err)
		}
		if want != ErrPassphraseNeeded {
			continue
		}
		if private, err := ParsePrivate(file, []byte("secret")); err != nil || private.Key == nil {
			t.Errorf("%s: %v", options, err)
		}
		if _, err := ParsePrivate(file, []byte("wrong")); !errors.Is(err, ErrPassphraseWrong) {
			t.Errorf("%s: a wrong passphrase: %v", options, err)
		}
	}
}
