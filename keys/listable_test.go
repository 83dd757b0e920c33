package keys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/wire"
)

// sshAddReads reports whether the real ssh-add shows a list with this entry.
func sshAddReads(t *testing.T, entry wire.Identity) bool {
	t.Helper()
	if _, err := exec.LookPath("ssh-add"); err != nil {
		t.Skip("needs ssh-add")
	}
	dir, err := os.MkdirTemp("", "list")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			if _, err := wire.ReadFrame(conn); err != nil {
				return
			}
			good := wire.Identity{KeyBlob: newKey(t).PublicKey().Marshal(), Comment: "good"}
			_ = wire.WriteFrame(conn, wire.IdentitiesAnswer{Identities: []wire.Identity{entry, good}}.Marshal())
		}
	}()
	cmd := exec.Command("ssh-add", "-l")
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+path)
	said, err := cmd.CombinedOutput()
	listener.Close()
	<-served
	if shown := err == nil && strings.Contains(string(said), "good"); shown || strings.Contains(string(said), "error fetching identities") {
		return shown
	}
	t.Fatalf("ssh-add: %v, %s", err, said)
	return false
}

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signerOf(t, private)
}

func signerOf(t *testing.T, private any) ssh.Signer {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// The test tries every byte in a comment. CheckComment accepts only what OpenSSH does,
// and OpenSSH accepts whatever ListedComment returns.
func TestCommentsThatHideAList(t *testing.T) {
	blob := newKey(t).PublicKey().Marshal()
	for b := range 256 {
		comment := "a" + string([]byte{byte(b)}) + "z"
		reads := sshAddReads(t, wire.Identity{KeyBlob: blob, Comment: comment})
		if err := CheckComment(comment); (err == nil) != reads || err != nil && !errors.Is(err, ErrUnlistable) {
			t.Errorf("%q: ssh-add reads it: %v; %v", comment, reads, err)
		}
		if listed := ListedComment(comment); !reads && !sshAddReads(t, wire.Identity{KeyBlob: blob, Comment: listed}) {
			t.Errorf("%q is listed as %q, which ssh-add does not read", comment, listed)
		}
	}
}

func rsaKey(bits int) ssh.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	key, err := ssh.NewPublicKey(&rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537})
	if err != nil {
		panic(err)
	}
	return key
}

// smallX is a point of P-256 whose x has one byte.
func smallX(t *testing.T) ssh.PublicKey {
	t.Helper()
	curve := elliptic.P256().Params()
	for x := int64(1); ; x++ {
		y := new(big.Int).Exp(big.NewInt(x), big.NewInt(3), nil) // y² = x³ - 3x + b
		y.Add(y.Sub(y, big.NewInt(3*x)), curve.B).Mod(y, curve.P)
		if y.ModSqrt(y, curve.P) == nil {
			continue
		}
		point := slices.Concat([]byte{4}, big.NewInt(x).FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32)))
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ssh.NewPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
}

// CheckListable agrees with what the real ssh-add does with a list that has the key.
func TestKeysThatHideAList(t *testing.T) {
	certificate := func(change func(*ssh.Certificate)) ssh.PublicKey {
		c := &ssh.Certificate{Key: newKey(t).PublicKey(), CertType: ssh.UserCert, KeyId: "id", ValidBefore: ssh.CertTimeInfinity}
		change(c)
		signature := c.Signature
		if err := c.SignCert(rand.Reader, newKey(t)); err != nil {
			t.Fatal(err)
		}
		if signature != nil {
			c.Signature = signature
		}
		return c
	}
	principals := func(n int) func(*ssh.Certificate) {
		return func(c *ssh.Certificate) {
			for i := range n {
				c.ValidPrincipals = append(c.ValidPrincipals, fmt.Sprint("user", i))
			}
		}
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		key  ssh.PublicKey
		want string // "": it is listed
	}{
		"ed25519":            {newKey(t).PublicKey(), ""},
		"ecdsa":              {signerOf(t, p256).PublicKey(), ""},
		"rsa 1024":           {rsaKey(1024), ""},
		"rsa 16384":          {rsaKey(16384), ""},
		"rsa 1023":           {rsaKey(1023), "an RSA key of 1023 bits"},
		"rsa 16385":          {rsaKey(16385), "an RSA key of 16385 bits"},
		"a certificate":      {certificate(principals(256)), ""},
		"many principals":    {certificate(principals(257)), "257 principals"},
		"NUL in the key ID":  {certificate(func(c *ssh.Certificate) { c.KeyId = "a\x00b" }), "NUL"},
		"NUL in a principal": {certificate(func(c *ssh.Certificate) { c.ValidPrincipals = []string{"a\x00b"} }), "NUL"},
		"type 3":             {certificate(func(c *ssh.Certificate) { c.CertType = 3 }), "type 3"},
		"a bad signature": {certificate(func(c *ssh.Certificate) {
			c.Signature = &ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: make([]byte, ed25519.SignatureSize)}
		}), "its authority did not sign"},
		"of a short key":  {certificate(func(c *ssh.Certificate) { c.Key = rsaKey(1000) }), "1000 bits"},
		"a security key":  {securityKey(t, "ssh:"), ""},
		"its application": {securityKey(t, "ssh:\x00x"), "application"},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckListable(test.key)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if reads := sshAddReads(t, wire.Identity{KeyBlob: test.key.Marshal()}); reads != (test.want == "") {
				t.Errorf("ssh-add reads a list with it: %v", reads)
			}
		})
	}
	if CheckListable(smallX(t)) == nil { // OpenSSH 10 reads it, and those before do not
		t.Error("a key with a small coordinate is listed")
	}
}

func securityKey(t *testing.T, application string) ssh.PublicKey {
	t.Helper()
	key, err := ssh.ParsePublicKey(ssh.Marshal(struct{ Type, Public, Application string }{
		ssh.KeyAlgoSKED25519, strings.Repeat("p", ed25519.PublicKeySize), application}))
	if err != nil {
		t.Fatal(err)
	}
	return key
}
