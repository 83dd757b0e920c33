package inventory

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// run runs a program that must succeed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip("no " + name + " here")
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// keyGen makes a key and returns its path.
func keyGen(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if !strings.Contains(strings.Join(args, " "), "-N") {
		args = append(args, "-N", "")
	}
	run(t, "ssh-keygen", append([]string{"-q", "-C", name, "-f", path}, args...)...)
	return path
}

// fingerprintOf is what ssh-keygen says of a public key file.
func fingerprintOf(t *testing.T, public string) string {
	t.Helper()
	return strings.Fields(run(t, "ssh-keygen", "-l", "-f", public))[1]
}

func TestKeyFilesAsSSHKeygenSaysThem(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		args   []string
		format string
		clear  bool
		public bool // it can be read without the passphrase
	}{
		"ed25519":           {[]string{"-t", "ed25519"}, "OpenSSH", true, true},
		"ed25519-encrypted": {[]string{"-t", "ed25519", "-N", "secret"}, "OpenSSH", false, true},
		"ecdsa":             {[]string{"-t", "ecdsa", "-b", "384"}, "OpenSSH", true, true},
		"rsa":               {[]string{"-t", "rsa", "-b", "2048"}, "OpenSSH", true, true},
		"rsa-encrypted":     {[]string{"-t", "rsa", "-b", "4096", "-N", "secret"}, "OpenSSH", false, true},
		"rsa-pem":           {[]string{"-t", "rsa", "-b", "2048", "-m", "PEM"}, "PEM", true, true},
		"rsa-pem-encrypted": {[]string{"-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "secret"}, "PEM", false, false},
		"ecdsa-pem":         {[]string{"-t", "ecdsa", "-b", "521", "-m", "PEM"}, "PEM", true, true},
		"rsa-pkcs8":         {[]string{"-t", "rsa", "-b", "2048", "-m", "PKCS8"}, "PKCS#8", true, true},
		"ecdsa-pkcs8":       {[]string{"-t", "ecdsa", "-b", "256", "-m", "PKCS8"}, "PKCS#8", true, true},
		"pkcs8-encrypted":   {[]string{"-t", "ecdsa", "-m", "PKCS8", "-N", "secret"}, "PKCS#8", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := keyGen(t, dir, name, test.args...)
			content := mustRead(t, path)
			file, ok := readKeyFile(content)
			if !ok || !file.private || file.format != test.format || file.clear != test.clear {
				t.Fatalf("%v %+v", ok, file)
			}
			checkPublic(t, file, test.public, path+".pub")
			head, need, ok := readHead(content[:min(headSize, len(content))])
			if !ok || head.clear != test.clear || head.format != test.format {
				t.Fatalf("of the head: %v %+v", ok, head)
			}
			if test.format == "OpenSSH" {
				head, again, _ := readHead(content[:max(need, headSize)])
				if again != 0 {
					t.Fatalf("%d bytes show the public half, not %d", again, need)
				}
				checkPublic(t, head, true, path+".pub")
			}
		})
	}
}

func checkPublic(t *testing.T, file keyFile, readable bool, public string) {
	t.Helper()
	if (file.public != nil) != readable {
		t.Fatalf("the public half was read: %v", file.public != nil)
	}
	if file.public != nil && ssh.FingerprintSHA256(file.public) != fingerprintOf(t, public) {
		t.Error("the fingerprint is not that of ssh-keygen")
	}
}

// What is read of a key on a server must not reach into its private half.
func TestHeadEndsBeforeThePrivateHalf(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{{"-t", "ed25519"}, {"-t", "ecdsa", "-b", "256"}, {"-t", "rsa", "-b", "3072"}, {"-t", "ed25519", "-N", "secret"}} {
		content := mustRead(t, keyGen(t, dir, "k"+strings.Join(args, ""), args...))
		_, need, _ := readHead(content[:headSize])
		part := content[:max(need, headSize)]
		block := strings.ReplaceAll(string(part[len(opensshBegin):]), "\n", "")
		file, _ := readKeyFile(content)
		// magic, four strings and counts, then what follows the public half: its length and two check numbers
		begin := strings.Index(string(mustDecode(t, content)), string(file.public.Marshal())) + len(file.public.Marshal()) + 4 + 8
		if read := len(block) / 4 * 3; read > begin+4+len(file.public.Type()) {
			t.Errorf("%v: %d bytes of the key are read, and the private half begins after %d", args, read, begin)
		}
	}
}

func TestPuttyFiles(t *testing.T) {
	dir := t.TempDir()
	empty, secret := filepath.Join(dir, "empty"), filepath.Join(dir, "secret")
	for name, text := range map[string]string{empty: "", secret: "secret\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for passphrase, clear := range map[string]bool{empty: true, secret: false} {
		for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
			path := filepath.Join(dir, kind+filepath.Base(passphrase)+".ppk")
			run(t, "puttygen", "-q", "-t", kind, "-C", "from putty", "-o", path, "--new-passphrase", passphrase)
			file, ok := readKeyFile(mustRead(t, path))
			if !ok || file.format != "PuTTY" || file.clear != clear || file.comment != "from putty" || file.public == nil {
				t.Fatalf("%v %+v", ok, file)
			}
			if said := run(t, "puttygen", "-l", path); !strings.Contains(said, ssh.FingerprintSHA256(file.public)) {
				t.Errorf("puttygen says %s, not %s", said, ssh.FingerprintSHA256(file.public))
			}
		}
	}
}

func TestOtherFilesAreNoKeys(t *testing.T) {
	for _, content := range []string{
		"", "\x00\xff", "#!/bin/sh\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
		"-----BEGIN OPENSSH PRIVATE KEY-----\n", "-----BEGIN PGP PRIVATE KEY-----\n", "ssh-ed25519 AAAA", strings.Repeat("A", maxKeyFile),
	} {
		if file, ok := readKeyFile([]byte(content)); ok {
			t.Errorf("%.40q is a key: %+v", content, file)
		}
	}
}

func FuzzReadKeyFile(f *testing.F) {
	f.Add([]byte("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: c\nPublic-Lines: 99999\nAAAA\n"))
	f.Add([]byte("-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n"))
	f.Add([]byte(opensshBegin + "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAA/w==\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		readKeyFile(content)
		if _, need, _ := readHead(content); need > 2*maxKeyFile {
			t.Errorf("%d bytes are to be read", need)
		}
	})
}
