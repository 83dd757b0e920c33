package softkeys

import (
	"bytes"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
)

// FuzzAgainstSSHKeygen: where ssh-keygen and this package both read a file of OpenSSH's
// format, they read the same key.
func FuzzAgainstSSHKeygen(f *testing.F) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		f.Skip("no ssh-keygen here")
	}
	dir := f.TempDir()
	for _, kind := range []string{"ed25519", "ecdsa"} {
		path := filepath.Join(dir, kind)
		if out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path).CombinedOutput(); err != nil {
			f.Fatalf("%v: %s", err, out)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		block, _ := pem.Decode(text)
		f.Add(block.Bytes)
	}
	path := filepath.Join(dir, "key")
	f.Fuzz(func(t *testing.T, data []byte) {
		file := pem.EncodeToMemory(&pem.Block{Type: opensshType, Bytes: data})
		private, err := ParsePrivate(file, nil)
		if err != nil {
			return
		}
		signer, err := signerOf(private.Key)
		if err != nil {
			return
		}
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("ssh-keygen", "-y", "-P", "", "-f", path).Output()
		if err != nil {
			return // it refuses more
		}
		theirs, _, _, _, err := ssh.ParseAuthorizedKey(out)
		if err != nil || !bytes.Equal(theirs.Marshal(), signer.PublicKey().Marshal()) {
			t.Fatalf("ssh-keygen reads %s (%v), this package %s", out, err, ssh.MarshalAuthorizedKey(signer.PublicKey()))
		}
	})
}
