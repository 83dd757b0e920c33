package wire

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	_ "crypto/sha256"
	_ "crypto/sha512"

	"golang.org/x/crypto/ssh"
)

// sshKeygen runs ssh-keygen, and returns what it prints and whether it succeeded.
func sshKeygen(t testing.TB, stdin []byte, args ...string) (string, bool) {
	t.Helper()
	cmd := exec.Command("ssh-keygen", args...)
	cmd.Env, cmd.Stdin = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8"), bytes.NewReader(stdin)
	out, err := cmd.Output()
	return string(out), err == nil
}

func needSSHKeygen(f *testing.F) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		f.Skip("no ssh-keygen here")
	}
}

// FuzzSSHSigAgainstSSHKeygen: what ssh-keygen takes for a signature in a namespace is
// signed as one in that namespace, and the other way round.
func FuzzSSHSigAgainstSSHKeygen(f *testing.F) {
	needSSHKeygen(f)
	for _, seed := range [][3]string{{"git", "", "sha512"}, {"file", "", "sha256"}, {"file", "x", "sha256"}, {"", "", "sha512"}, {"a", "", "SHA512"}, {"a", "", "sha384"},
		{"a\nb", "", "sha256"}, {"\xff\u00e9 ", "", "sha512"}, {"a\x00b", "", "sha512"}, {"-", "", "sha512"}, {strings.Repeat("n", 1024), "", "sha512"}, {"a", "", "sha512\x00"}} {
		f.Add(seed[0], seed[1], seed[2], []byte("text"))
	}
	signer, path := newSigner(f), filepath.Join(f.TempDir(), "sig")
	f.Fuzz(func(t *testing.T, namespace, reserved, hash string, message []byte) {
		if strings.ContainsRune(namespace, 0) || namespace == "" || len(namespace) > maxPurposeFieldSize {
			return // no argument of ssh-keygen; longer ones are unknown here, since nobody could read them
		}
		sum := crypto.SHA512.New()
		if hash == "sha256" {
			sum = crypto.SHA256.New()
		}
		sum.Write(message)
		data := []byte(sshsigMagic)
		for _, field := range []string{namespace, reserved, hash, string(sum.Sum(nil))} {
			data = appendBytes(data, field)
		}
		signature, err := signer.Sign(rand.Reader, data)
		if err != nil {
			t.Fatal(err)
		}
		file := binary.BigEndian.AppendUint32([]byte(sshsigMagic), 1)
		for _, field := range [][]byte{signer.PublicKey().Marshal(), []byte(namespace), []byte(reserved), []byte(hash), ssh.Marshal(signature)} {
			file = appendBytes(file, field)
		}
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: file}), 0o600); err != nil {
			t.Fatal(err)
		}
		_, theirs := sshKeygen(t, message, "-Y", "check-novalidate", "-n", namespace, "-s", path)
		ours := PurposeOf(data, signer.PublicKey().Marshal())
		asSigned := ours.Kind == KindSSHSig && ours.Namespace == namespace && ours.Algorithm == hash
		if reserved == "" && theirs != asSigned || theirs && !asSigned { // ssh-keygen verifies with nothing reserved
			t.Fatalf("%q, reserved %q, %q: %+v; ssh-keygen takes it: %v", namespace, reserved, hash, ours, theirs)
		}
	})
}

// FuzzCertificateAgainstSSHKeygen holds what the person is told of a certificate to be
// signed against what ssh-keygen says of the signed one.
func FuzzCertificateAgainstSSHKeygen(f *testing.F) {
	needSSHKeygen(f)
	tuple := func(name, value string) string {
		return string(appendBytes(appendBytes(nil, name), string(appendBytes(nil, value))))
	}
	list := func(names ...string) (blob string) {
		for _, name := range names {
			blob += string(appendBytes(nil, name))
		}
		return blob
	}
	const forever = ssh.CertTimeInfinity
	f.Add(uint64(7), uint32(ssh.UserCert), "laptop", list("anna", "root"), uint64(0), uint64(forever), tuple("force-command", "/bin/true"), list("permit-pty", ""), "")
	f.Add(uint64(0), uint32(ssh.HostCert), "", list("*.example.com"), uint64(1), uint64(1<<31), "", "", "")
	f.Add(uint64(1<<63), uint32(ssh.UserCert), "a", "", uint64(2), uint64(1), list("verify-required", "")+tuple("source-address", "10.0.0.0/8"), "", "r")
	f.Add(uint64(1), uint32(3), "a", list(""), uint64(0), uint64(0), list("", ""), list("a"), "")
	f.Add(uint64(1), uint32(ssh.UserCert), "a\x00b", list("root\x00", "a,b"), uint64(forever), uint64(forever), tuple("x", "1")+tuple("a", "2"), tuple("y", "1")+tuple("y", "2"), "")
	f.Add(uint64(1), uint32(ssh.UserCert), "\u00e9\xff\n", list("\u202e"), uint64(1), uint64(forever), tuple("force-command", ""), "", "")
	f.Add(uint64(1), uint32(ssh.UserCert), "a", "\x00\x00\x00\x05abc", uint64(1), uint64(3), "\x00\x00\x00\x01", "\x00", "")
	authority, key := newSigner(f), newSigner(f).PublicKey()
	path := filepath.Join(f.TempDir(), "key-cert.pub")
	f.Fuzz(func(t *testing.T, serial uint64, kind uint32, id, principals string, after, before uint64, critical, extensions, reserved string) {
		data := appendBytes(appendBytes(nil, ssh.CertAlgoED25519v01), make([]byte, 32)) // the nonce
		data = append(data, key.Marshal()[4+len(key.Type()):]...)
		data = appendBytes(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(data, serial), kind), id)
		data = appendBytes(data, principals)
		data = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(data, after), before)
		for _, field := range []string{critical, extensions, reserved, string(authority.PublicKey().Marshal())} {
			data = appendBytes(data, field)
		}
		signature, err := authority.Sign(rand.Reader, data)
		if err != nil {
			t.Fatal(err)
		}
		blob := appendBytes(bytes.Clone(data), ssh.Marshal(signature))
		line := ssh.CertAlgoED25519v01 + " " + base64.StdEncoding.EncodeToString(blob) + "\n"
		if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		ours := PurposeOf(data, authority.PublicKey().Marshal())
		said, theirs := sshKeygen(t, nil, "-L", "-f", path)
		switch {
		case ours.Kind != KindCertificate && ours.Kind != KindUnknown:
			t.Fatalf("%q is taken for %+v", data, ours)
		case theirs && ours.Kind == KindCertificate:
			checkSaid(t, ours.Certificate, said)
		}
	})
}

// checkSaid looks for each fact in what ssh-keygen -L prints, which writes some
// characters in its own way, and dates up to 2038 in all its versions.
func checkSaid(t *testing.T, c *Certificate, said string) {
	t.Helper()
	want := []string{" " + c.For + " certificate\n", c.Fingerprint + "\n", fmt.Sprintf("Serial: %d\n", c.Serial)}
	if isPlain(c.KeyID) {
		want = append(want, fmt.Sprintf("Key ID: %q\n", c.KeyID))
	}
	if len(c.Principals) == 0 {
		want = append(want, "Principals: (none)\n")
	}
	if len(c.Options) == 0 {
		want = append(want, "Critical Options: (none)\n")
	}
	for _, name := range c.Principals {
		if isPlain(name) {
			want = append(want, "                "+name+"\n")
		}
	}
	for _, option := range c.Options {
		if name, value, _ := strings.Cut(option, "="); isPlain(name) && isPlain(value) && slices.Contains([]string{"force-command", "source-address"}, name) {
			want = append(want, "                "+name+" "+value+"\n")
		} else if isPlain(name) && !strings.Contains(value, "=") {
			want = append(want, "                "+name)
		}
	}
	at := func(seconds uint64) string { return time.Unix(int64(seconds), 0).UTC().Format("2006-01-02T15:04:05") }
	switch endless := c.ValidBefore == ssh.CertTimeInfinity; {
	case c.ValidAfter >= 1<<31 || c.ValidBefore >= 1<<31 && !endless:
	case c.ValidAfter == 0 && endless:
		want = append(want, "Valid: forever\n")
	case c.ValidAfter == 0:
		want = append(want, "Valid: before "+at(c.ValidBefore)+"\n")
	case endless:
		want = append(want, "Valid: after "+at(c.ValidAfter)+"\n")
	default:
		want = append(want, "Valid: from "+at(c.ValidAfter)+" to "+at(c.ValidBefore)+"\n")
	}
	for _, text := range want {
		if !strings.Contains(said, text) {
			t.Errorf("%+v\nssh-keygen says no %q:\n%s", c, text, said)
		}
	}
}

// isPlain reports whether ssh-keygen prints a text as it is.
func isPlain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' })
}
