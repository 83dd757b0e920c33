package softkeys

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// run runs a program in dir, with its output in the test's log when it fails.
func run(t testing.TB, dir string, words ...string) {
	t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", words, err, out)
	}
}

// command splits at blanks; ” is an empty word.
func command(line string) []string {
	words := strings.Fields(line)
	for i, word := range words {
		words[i] = strings.Trim(word, "'")
	}
	return words
}

// privateFiles are made by the programs that people have keys from.
var privateFiles = map[string]struct{ make, passphrase string }{
	"openssh-ed25519": {"ssh-keygen -q -t ed25519 -N '' -f key", ""},
	"openssh-ecdsa":   {"ssh-keygen -q -t ecdsa -b 521 -N '' -f key", ""},
	"openssh-rsa":     {"ssh-keygen -q -t rsa -b 2048 -N '' -f key", ""},
	"openssh-locked":  {"ssh-keygen -q -t ed25519 -N secret -a 1 -f key", "secret"},
	"pkcs1":           {"ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -f key", ""},
	"pkcs1-locked":    {"ssh-keygen -q -t rsa -b 2048 -m PEM -N secret -a 1 -f key", "secret"},
	"sec1":            {"ssh-keygen -q -t ecdsa -b 384 -m PEM -N '' -f key", ""},
	"sec1-locked":     {"ssh-keygen -q -t ecdsa -b 256 -m PEM -N secret -a 1 -f key", "secret"},
	"sec1-parameters": {"openssl ecparam -name prime256v1 -genkey -out key", ""},
	"pkcs8-ed25519":   {"openssl genpkey -algorithm ed25519 -out key", ""},
	"pkcs8-rsa":       {"openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out key", ""},
	"pkcs8-ecdsa":     {"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key", ""},
	"pkcs8-locked":    {"openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -aes-256-cbc -pass pass:secret -out key", "secret"},
	"pkcs8-locked-ed": {"openssl genpkey -algorithm ed25519 -aes-128-cbc -pass pass:secret -out key", "secret"},
	"openssh-aes-cbc": {"ssh-keygen -q -t ed25519 -Z aes256-cbc -N secret -a 1 -f key", "secret"},
}

func init() {
	for name := range opensshCiphers {
		privateFiles[name] = struct{ make, passphrase string }{"ssh-keygen -q -t ed25519 -Z " + name + " -N secret -a 2 -f key", "secret"}
	}
}

func makePrivate(t testing.TB, line string) (file []byte, path string) {
	t.Helper()
	dir := t.TempDir()
	run(t, dir, command(line)...)
	path = filepath.Join(dir, "key")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file, path
}

// importFile is what the command does with a file that is read here.
func importFile(s *Store, name string, file, passphrase []byte) (keys.Info, error) {
	private, err := ParsePrivate(file, passphrase)
	if err != nil {
		return keys.Info{}, err
	}
	return s.Import(context.Background(), name, private)
}

func TestImport(t *testing.T) {
	s, _ := newStore(t)
	for name, test := range privateFiles {
		file, path := makePrivate(t, test.make)
		before := bytes.Clone(file)
		if test.passphrase != "" {
			if _, err := importFile(s, name, file, nil); !errors.Is(err, ErrPassphraseNeeded) {
				t.Errorf("%s with no passphrase: %v", name, err)
			}
			if _, err := importFile(s, name, file, []byte("wrong")); !errors.Is(err, ErrPassphraseWrong) {
				t.Errorf("%s with a wrong passphrase: %v", name, err)
			}
		}
		info, err := importFile(s, name, file, []byte(test.passphrase))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(file, before) {
			t.Errorf("%s: the caller's bytes were changed", name)
		}
		mustSign(t, again(s), info)
		if line, err := os.ReadFile(path + ".pub"); err == nil {
			pub, _, _, _, _ := ssh.ParseAuthorizedKey(line)
			if !bytes.Equal(pub.Marshal(), info.Blob) {
				t.Errorf("%s: not the key that ssh-keygen made", name)
			}
		}
		_, err = importFile(s, name+"2", file, []byte(test.passphrase))
		if !errors.Is(err, ErrExists) {
			t.Errorf("%s a second time: %v", name, err)
		}
		wantError(t, err, "under the name "+name+"\nuse it under that name, or give it another: keybroker keys rename "+name+" NEWNAME")
	}
	wantNotOnDisk(t, s.vault.config.Dir, []byte("PRIVATE KEY"))
}

func TestImportRefuses(t *testing.T) {
	s, _ := newStore(t)
	whole, path := makePrivate(t, "ssh-keygen -q -t ed25519 -N '' -f key")
	public, _ := os.ReadFile(path + ".pub")
	lines := strings.SplitAfter(string(whole), "\n")
	noMiddle := lines[0] + strings.Join(lines[3:], "")
	dsa, _ := makePrivate(t, "openssl genpkey -genparam -algorithm dsa -pkeyopt dsa_paramgen_bits:1024 -out key")
	p224, _ := makePrivate(t, "openssl ecparam -name secp224r1 -genkey -noout -out key")
	small, _ := makePrivate(t, "openssl genrsa -traditional -out key 768")
	x25519, _ := makePrivate(t, "openssl genpkey -algorithm x25519 -out key")
	for name, test := range map[string]struct{ file, want string }{
		"empty":       {" \n", "it is empty"},
		"large":       {strings.Repeat("x", maxImport+1), "larger than"},
		"cut off":     {string(whole[:len(whole)/2]), "truncated or damaged: the END line"},
		"no middle":   {noMiddle, "damaged"},
		"public":      {string(public), "but a public key\ngive the private one"},
		"putty":       {"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "PuTTY's format, but truncated or damaged"},
		"text":        {"hello", "no private key in PEM or"},
		"parameters":  {string(dsa), "no private key in PEM or"},
		"P-224":       {string(p224), "an ECDSA key on the curve P-224"},
		"RSA 768":     {string(small), "768 bits is refused: 1024 to 16384 bits are allowed\ngive another private key file, or make a new key: keybroker keys generate NAME"},
		"X25519":      {string(x25519), "it is an X25519 key"},
		"certificate": {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "but an X.509 certificate"},
	} {
		_, err := importFile(s, "a", []byte(test.file), nil)
		if err == nil || !strings.Contains(platform.Text(err), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	if _, err := os.Lstat(s.vault.config.Dir + "/keys"); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
	if _, err := importFile(s, "a", whole, nil); err != nil {
		t.Errorf("the whole file: %v", err)
	}
}

// What another program may read is told apart from what nothing reads.
func TestUnread(t *testing.T) {
	locked, _ := makePrivate(t, "ssh-keygen -q -t ed25519 -Z chacha20-poly1305@openssh.com -N secret -a 1 -f key")
	camellia, _ := makePrivate(t, "openssl genrsa -traditional -camellia128 -passout pass:secret -out key 2048")
	scrypt, _ := makePrivate(t, "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -aria-256-cbc -pass pass:secret -out key")
	whole, _ := makePrivate(t, "ssh-keygen -q -t ed25519 -N '' -f key")
	for want, file := range map[string][]byte{
		`encrypted with "chacha20-poly1305@openssh.com"`:                     locked,
		`encrypted with "CAMELLIA-128-CBC"`:                                  camellia,
		"PKCS#8, damaged or encrypted in a way that keybroker does not read": scrypt,
		"truncated or damaged: the END line":                                 whole[:len(whole)/2],
		"it looks like DER":                                                  {0x30, 0x82, 1, 2},
	} {
		for _, passphrase := range []string{"", "secret"} { // said before anybody is asked
			var unread *UnsupportedError
			if _, err := ParsePrivate(file, []byte(passphrase)); !errors.As(err, &unread) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	}
	if _, err := ParsePrivate(append([]byte("\ufeff"), whole...), nil); err != nil {
		t.Errorf("with a byte order mark: %v", err)
	}
	handle := pem.EncodeToMemory(&pem.Block{Type: opensshType, Bytes: append([]byte(opensshMagic), ssh.Marshal(opensshFile{
		Cipher: "none", KDF: "none", Keys: 1, Public: ssh.Marshal(struct{ Type string }{"sk-ssh-ed25519@openssh.com"})})...)})
	_, err := ParsePrivate(handle, nil)
	wantError(t, err, "it is the handle of a FIDO2 security key, whose private key never leaves the device\nadd it to the running broker: ssh-add FILE")
}

func TestCommentIsKept(t *testing.T) {
	for _, keyType := range []string{"ed25519", "ecdsa", "rsa"} {
		for _, passphrase := range []string{"''", "secret"} {
			file, _ := makePrivate(t, "ssh-keygen -q -t "+keyType+" -C anna@laptop -a 1 -N "+passphrase+" -f key")
			if private, err := ParsePrivate(file, []byte(strings.Trim(passphrase, "'"))); err != nil || private.Comment != "anna@laptop" {
				t.Errorf("%s: %q, %v", keyType, private.Comment, err)
			}
		}
	}
}

// What an encrypted file says of itself is read before anybody is asked.
func TestEncryptedFileThatIsNotReadHere(t *testing.T) {
	file, _ := makePrivate(t, "ssh-keygen -q -t ed25519 -N secret -a 1 -f key")
	block, _ := pem.Decode(file)
	whole, _ := readOpenSSH(block.Bytes)
	options := func(salt string, rounds uint32) string {
		return string(ssh.Marshal(struct {
			Salt   string
			Rounds uint32
		}{salt, rounds}))
	}
	for want, change := range map[string]func(*opensshFile){
		"4097 rounds of bcrypt, more than the 4096": func(f *opensshFile) { f.KDFOptions = options("salt", maxBcryptRounds+1) },
		"the passphrase does not open":              func(f *opensshFile) { f.KDFOptions = options("salt", 1) }, // the twin
		"OpenSSH's format, but damaged":             func(f *opensshFile) { f.KDFOptions = options("salt", 0) },
		"in OpenSSH's format, but damaged":          func(f *opensshFile) { f.KDFOptions = options("", 1) },
		"it is in OpenSSH's format, but damaged":    func(f *opensshFile) { f.KDFOptions = "" },
		`encrypted with "aes256-ctr" and "scrypt"`:  func(f *opensshFile) { f.KDF = "scrypt" },
	} {
		changed := whole
		change(&changed)
		data := pem.EncodeToMemory(&pem.Block{Type: opensshType, Bytes: append([]byte(opensshMagic), ssh.Marshal(changed)...)})
		if _, err := ParsePrivate(data, []byte("secret")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// A key that could be sealed and never read again.
func TestLargeExponent(t *testing.T) {
	s, _ := newStore(t)
	for exponent, want := range map[string]string{"16777215": "", "16777217": "a public exponent of 25 bits is refused"} {
		file, _ := makePrivate(t, "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:"+exponent+" -out key")
		if _, err := importFile(s, "e"+exponent, file, nil); want == "" && err != nil {
			t.Error(err)
		} else if want != "" {
			wantError(t, err, want)
		}
	}
	wantFiles(t, s, "e16777215.age e16777215.mac e16777215.pub")
}

// little has files refused that ask for more work than the seeds do: a try must not take seconds.
func little(f *testing.F) {
	rounds, iterations, scrypt, work := maxBcryptRounds, maxIterations, maxScrypt, maxArgonWork
	maxBcryptRounds, maxIterations, maxScrypt, maxArgonWork = 32, 1<<14, 1<<17, 1<<18
	f.Cleanup(func() { maxBcryptRounds, maxIterations, maxScrypt, maxArgonWork = rounds, iterations, scrypt, work })
}

// FuzzParsePrivate checks that no file does harm, and that what is accepted is
// a sound key.
func FuzzParsePrivate(f *testing.F) {
	seeds := 0
	for _, test := range privateFiles {
		if strings.Contains(test.make, "rsa") {
			continue // too slow to be mutated
		}
		file, _ := makePrivate(f, test.make)
		f.Add(file, []byte(test.passphrase))
		seeds++
	}
	if seeds < 8 {
		f.Fatalf("%d seeds", seeds)
	}
	little(f)
	f.Fuzz(func(t *testing.T, file, passphrase []byte) {
		private, err := ParsePrivate(file, passphrase)
		if err != nil {
			return
		}
		signer, err := signerOf(private.Key)
		if err != nil {
			return
		}
		signature, err := sign(signer, []byte("data"), "")
		if err != nil || signer.PublicKey().Verify([]byte("data"), signature) != nil {
			t.Fatalf("a key was accepted that does not sign: %v", err)
		}
	})
}
