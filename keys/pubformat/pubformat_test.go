package pubformat

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// publicKeys makes one key of each type.
func publicKeys(t testing.TB) map[string]ssh.PublicKey {
	t.Helper()
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	curve, err2 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	factors, err3 := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil || err2 != nil || err3 != nil {
		t.Fatal(err, err2, err3)
	}
	all := map[string]ssh.PublicKey{}
	for name, key := range map[string]any{"ed25519": edwards, "ecdsa": &curve.PublicKey, "rsa": &factors.PublicKey} {
		if all[name], err = ssh.NewPublicKey(key); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

var comments = []string{
	"", "me@laptop", `a "quoted" word`, `ends in a backslash\`,
	strings.Repeat("very long ", 20) + "end",
	strings.Repeat("é", 100),
	"key: for work: " + strings.Repeat("and: more: ", 12) + "end",
	strings.Repeat(`\`, 200),
	strings.Repeat("x", MaxComment),
}

func TestRoundTrip(t *testing.T) {
	for name, pub := range publicKeys(t) {
		for _, comment := range comments {
			for _, format := range []Format{OpenSSH, RFC4716, PKIX} {
				data, err := Marshal(format, pub, comment)
				if err != nil {
					t.Fatal(err)
				}
				back, got, err := Parse(data)
				if err != nil {
					t.Fatalf("%s %s %q: %v\n%s", name, format, comment, err, data)
				}
				if format == PKIX {
					got = comment // it has no place for one
				}
				if !bytes.Equal(back.Marshal(), pub.Marshal()) || got != comment {
					t.Errorf("%s %s: comment %q came back as %q", name, format, comment, got)
				}
			}
		}
	}
}

func TestRFC4716Lines(t *testing.T) {
	for name, pub := range publicKeys(t) {
		for _, comment := range comments {
			data, err := Marshal(RFC4716, pub, comment)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(string(data), "\n") {
				if len(line) > 72 {
					t.Errorf("%s: a line of %d bytes: %q", name, len(line), line)
				}
			}
		}
	}
}

// TestSSHKeygen lets OpenSSH read what we write, and reads what it writes.
func TestSSHKeygen(t *testing.T) {
	for name, pub := range publicKeys(t) {
		line, err := Marshal(OpenSSH, pub, "me@laptop")
		if err != nil {
			t.Fatal(err)
		}
		for format, flag := range map[Format]string{RFC4716: "RFC4716", PKIX: "PKCS8"} {
			if name == "ed25519" && format == PKIX {
				continue // this ssh-keygen cannot; openssl judges it below
			}
			theirs := keygen(t, line, "-e", "-m", flag)
			back, _, err := Parse(theirs)
			if err != nil || !bytes.Equal(back.Marshal(), pub.Marshal()) {
				t.Errorf("%s: reading ssh-keygen's %s: %v\n%s", name, flag, err, theirs)
			}
			for _, comment := range comments {
				ours, err := Marshal(format, pub, comment)
				if err != nil {
					t.Fatal(err)
				}
				read, _, _, _, err := ssh.ParseAuthorizedKey(keygen(t, ours, "-i", "-m", flag))
				if err != nil || !bytes.Equal(read.Marshal(), pub.Marshal()) {
					t.Errorf("%s: ssh-keygen reads our %s wrong: %v\n%s", name, flag, err, ours)
				}
			}
		}
	}
}

func TestOpenSSL(t *testing.T) {
	pub := publicKeys(t)["ed25519"]
	data, err := Marshal(PKIX, pub, "")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("openssl", "pkey", "-pubin", "-outform", "PEM")
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil || !bytes.Equal(out, data) {
		t.Errorf("openssl writes %q for %q: %v", out, data, err)
	}
}

func keygen(t *testing.T, key []byte, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, key, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ssh-keygen", append(args, "-f", file)...).CombinedOutput()
	if err != nil {
		t.Errorf("ssh-keygen %q: %v: %s\n%s", args, err, out, key)
	}
	return out
}

func TestParseTolerates(t *testing.T) {
	pub := publicKeys(t)["ecdsa"]
	data, err := Marshal(RFC4716, pub, "")
	if err != nil {
		t.Fatal(err)
	}
	with := func(headers string) string {
		return strings.Replace(string(data), "\n", "\n"+headers, 1)
	}
	for name, test := range map[string]struct{ text, comment string }{
		"CR LF":             {strings.ReplaceAll(string(data), "\n", "\r\n"), ""},
		"CR":                {strings.ReplaceAll(string(data), "\n", "\r"), ""},
		"blanks around":     {"\n \n" + string(data) + "\n\n", ""},
		"unquoted":          {with("cOMMENT: mine\n"), "mine"},
		"continued":         {with("Comment: \"one \\\ntwo \\\nthree\"\n"), "one two three"},
		"unknown":           {with("x-ours: \\\nwhatever\nComment: mine\n"), "mine"},
		"subject":           {with("Subject: me\n"), "me"},
		"subject & comment": {with("Subject: me\nComment: mine\n"), "mine"},
	} {
		back, comment, err := Parse([]byte(test.text))
		if err != nil || comment != test.comment || !bytes.Equal(back.Marshal(), pub.Marshal()) {
			t.Errorf("%s: comment %q, error %v", name, comment, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	pub := publicKeys(t)["ed25519"]
	rfc, _ := Marshal(RFC4716, pub, "c")
	pkix, _ := Marshal(PKIX, pub, "")
	line, _ := Marshal(OpenSSH, pub, "c")
	header := func(h string) string { return strings.Replace(string(rfc), "\n", "\n"+h+"\n", 1) }
	for name, test := range map[string]struct{ text, want string }{
		"empty":         {"", "no key found"},
		"large":         {strings.Repeat("x", MaxSize+1), "too large"},
		"two":           {string(line) + string(line), "more than one key"},
		"options":       {`command="x" ` + string(line), "options"},
		"no end":        {string(rfc[:len(rfc)-10]), "last line is missing"},
		"long tag":      {header(strings.Repeat("t", 65) + ": v"), "too long"},
		"long value":    {header("Comment: \\\n" + strings.Repeat(strings.Repeat("v", 60)+"\\\n", 17) + "vvvvv"), "too long"},
		"endless":       {header(strings.Repeat("Comment: xxxxxxxxxxxxxxxxxxxxxx\\\n", 60)), "too long"},
		"cut off body":  {strings.Replace(string(rfc), "AAAA", "", 1), "RFC 4716 key"},
		"cut off PKIX":  {string(pkix[:40]), "cut off"},
		"private":       {"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "PRIVATE KEY"},
		"nothing of it": {beginMarker, "last line is missing"},
	} {
		if _, _, err := Parse([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestCommentRefused(t *testing.T) {
	pub := publicKeys(t)["ed25519"]
	for comment, want := range map[string]string{
		"a\nssh-ed25519 AAAA":             "control character",
		"a\x1b[2J":                        "control character",
		"\xff":                            "not UTF-8",
		" a":                              "blank",
		strings.Repeat("x", MaxComment+1): "1022 are allowed",
	} {
		if _, err := Marshal(OpenSSH, pub, comment); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", comment, err, want)
		}
	}
}

// FuzzParse checks that whatever can be read can be written and read again.
func FuzzParse(f *testing.F) {
	seeds := 0
	for _, pub := range publicKeys(f) {
		for _, format := range []Format{OpenSSH, RFC4716, PKIX} {
			for _, comment := range comments {
				data, err := Marshal(format, pub, comment)
				if err != nil {
					f.Fatal(err)
				}
				f.Add(data)
				seeds++
			}
		}
	}
	if seeds < 3*3*len(comments) {
		f.Fatalf("%d seeds", seeds)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		pub, comment, err := Parse(data)
		if err != nil || CheckComment(comment) != nil {
			return
		}
		for _, format := range []Format{OpenSSH, RFC4716} {
			again, err := Marshal(format, pub, comment)
			if err != nil {
				t.Fatal(err)
			}
			back, got, err := Parse(again)
			if err != nil || got != comment || !bytes.Equal(back.Marshal(), pub.Marshal()) {
				t.Fatalf("%s: %q -> %q: %v\n%s", format, comment, got, err, again)
			}
		}
	})
}
