package authorized

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func newKey(t testing.TB) ssh.PublicKey {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return must(ssh.NewPublicKey(public))
}

func text(key ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) }

func TestLines(t *testing.T) {
	key := newKey(t)
	k := text(key)
	encoded := strings.Fields(k)[1]
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	rsaKey := must(ssh.NewPublicKey(&small.PublicKey))
	padded := paddedRSA(&small.PublicKey)
	for name, c := range map[string]struct {
		line    string
		blob    []byte
		dead    string
		options []string
		comment string
	}{
		"plain":               {line: k + " anna@old\n", blob: key.Marshal(), comment: "anna@old"},
		"CRLF, no comment":    {line: k + "\r\n", blob: key.Marshal()},
		"CRLF":                {line: k + " a b\r\n", blob: key.Marshal(), comment: "a b"},
		"options":             {line: `from="a,b",no-pty,environment="X=\"1, 2\"" ` + k + "\n", blob: key.Marshal(), options: []string{`from="a,b"`, "no-pty", `environment="X=\"1, 2\""`}},
		"big letters":         {line: `FROM="a",Restrict ` + k, blob: key.Marshal(), options: []string{`FROM="a"`, "Restrict"}},
		"tab":                 {line: " \t" + strings.ReplaceAll(k, " ", "\t\t"), blob: key.Marshal()},
		"rsa under 2048":      {line: text(rsaKey), blob: rsaKey.Marshal()},
		"rsa, padded":         {line: "ssh-rsa " + base64.StdEncoding.EncodeToString(padded), blob: rsaKey.Marshal()},
		"rsa, signature type": {line: "rsa-sha2-512 " + strings.Fields(text(rsaKey))[1], blob: rsaKey.Marshal()},
		"within base64":       {line: "ssh-ed25519 " + encoded[:9] + "\v\f" + encoded[9:], blob: key.Marshal()},
		"unknown type":        {line: "ssh-future AAAACnNzaC1mdXR1cmU= x", blob: []byte("\x00\x00\x00\nssh-future"), comment: "x"},

		"comment":          {line: "#" + k},
		"indented comment": {line: "  # " + k},
		"blank":            {line: " \t\n"},
		"other type":       {line: "ssh-rsa " + encoded},
		"no padding":       {line: k[:len(k)-3]},
		"space in options": {line: `command="a" b ` + k},
		"open quote":       {line: `command="a ` + k},
		"zero byte":        {line: "a\x00" + k},
		"SSH-1":            {line: "1024 35 1234567 x"},
		"unknown option":   {line: "frobnicate " + k, blob: key.Marshal(), dead: `sshd does not take the option "frobnicate"`, options: []string{"frobnicate"}},
		"unquoted command": {line: "command=ls " + k, blob: key.Marshal(), dead: `sshd does not take the option "command=ls"`, options: []string{"command=ls"}},
		"comma at the end": {line: "no-pty, " + k, blob: key.Marshal(), dead: "a comma ends its options", options: []string{"no-pty"}},
		"two commands":     {line: `command="a",command="b" ` + k, blob: key.Marshal(), dead: "the option command is there twice", options: []string{`command="a"`, `command="b"`}},
		"two types":        {line: "ssh-rsa " + k, blob: key.Marshal(), dead: `sshd does not take the option "ssh-rsa"`, options: []string{"ssh-rsa"}},
		"bad time":         {line: `expiry-time="tomorrow" ` + k, blob: key.Marshal(), dead: `sshd does not take the option "expiry-time=\"tomorrow\""`, options: []string{`expiry-time="tomorrow"`}},
		"byte order mark":  {line: "\ufeff" + k, blob: key.Marshal(), dead: "a byte order mark stands before it"},
	} {
		line := Parse([]byte(c.line)).Lines[0]
		if !bytes.Equal(line.Blob, c.blob) || line.Dead != c.dead || !slices.Equal(line.Options, c.options) || line.Comment != c.comment || line.Quarantined {
			t.Errorf("%s: %+v", name, line)
		}
		if line.LetsIn() != (c.blob != nil && c.dead == "") {
			t.Errorf("%s: lets in: %v", name, line.LetsIn())
		}
	}
}

// paddedRSA is another spelling of a key: its numbers begin with more zeros.
func paddedRSA(key *rsa.PublicKey) []byte {
	return ssh.Marshal(struct {
		Type string
		E, N []byte
	}{ssh.KeyAlgoRSA, []byte{0, 0, 1, 0, 1}, append([]byte{0, 0, 0}, key.N.Bytes()...)})
}

// CR alone ends no line, so there is one key and the rest is its comment.
func TestCarriageReturnEndsNoLine(t *testing.T) {
	a, b := newKey(t), newKey(t)
	f := Parse([]byte(text(a) + " one\r" + text(b) + " two\r"))
	if len(f.Lines) != 1 || len(f.With(a.Marshal())) != 1 || len(f.With(b.Marshal())) != 0 {
		t.Errorf("%+v", f.Lines)
	}
}

func TestQuarantineAndBack(t *testing.T) {
	a, b := newKey(t), newKey(t)
	start := "\ufeff" + text(a) + " bom\r\n# c\n\n" + text(b) + "\n" + `from="x" ` + text(a) + "\r\n" + text(a)
	f := Parse([]byte(start))
	if got := f.Quarantine(a.Marshal(), "t-1 (2026)\n"); !slices.Equal(got, []int{1, 5, 6}) {
		t.Errorf("lines %v", got)
	}
	hidden := Parse(f.Bytes())
	if len(hidden.With(a.Marshal())) != 0 || len(hidden.With(b.Marshal())) != 1 || !hidden.Lines[4].Quarantined || hidden.Lines[4].Note != "t-1 -2026--" || hidden.Lines[4].Options[0] != `from="x"` {
		t.Errorf("%q", hidden.Bytes())
	}
	if got := Parse(f.Bytes()).Restore(a.Marshal(), "t-2"); got != nil {
		t.Errorf("restored for another note: %v", got)
	}
	if got := hidden.Restore(a.Marshal(), "t-1 (2026)\n"); !slices.Equal(got, []int{1, 5, 6}) || string(hidden.Bytes()) != start {
		t.Errorf("%v %q", got, hidden.Bytes())
	}
	if got := f.Remove(a.Marshal()); !slices.Equal(got, []int{1, 5, 6}) || string(f.Bytes()) != "# c\n\n"+text(b)+"\n" {
		t.Errorf("%v %q", got, f.Bytes())
	}
}

func TestAppend(t *testing.T) {
	a, b := newKey(t), newKey(t)
	for before, want := range map[string]string{
		"":                            text(b) + "\n",
		text(a):                       text(a) + "\n" + text(b) + "\n",
		text(a) + "\n":                text(a) + "\n" + text(b) + "\n",
		"# x\r\n" + text(a) + " \r\n": "# x\r\n" + text(a) + " \r\n" + text(b) + "\r\n",
		"# x\r\n" + text(a):           "# x\r\n" + text(a) + "\r\n" + text(b) + "\r\n",
	} {
		f := Parse([]byte(before))
		number, err := f.Append(text(b))
		if err != nil || string(f.Bytes()) != want || f.Lines[number-1].Fingerprint() != ssh.FingerprintSHA256(b) {
			t.Errorf("%q: %d %v %q", before, number, err, f.Bytes())
		}
	}
	for _, bad := range []string{"", "# x", text(a) + "\n" + text(b), "frobnicate " + text(a), `command="x ` + text(a), "ssh-rsa AAAA"} {
		if _, err := new(File).Append(bad); err == nil {
			t.Errorf("%q was appended", bad)
		}
	}
}

// What Quote writes, sshd's rules read back.
func TestQuote(t *testing.T) {
	key := newKey(t)
	for _, value := range []string{"ls", `echo "a b", #c`, `a\b`, `\"`, "", "ä", `\\"x`} {
		option := must(Quote("command", value))
		line := Parse([]byte("restrict," + option + " " + text(key))).Lines[0]
		if got, found := line.Option("COMMAND"); !found || got != value || !line.LetsIn() || len(line.Options) != 2 {
			t.Errorf("%q became %q: %+v", value, got, line)
		}
	}
	for option, values := range map[string][]string{"command": {"a\nb", `a\`, "a\x00"}, "expiry-time": {"soon", "2026"}, "frobnicate": {"x"}, "from": {"", "10.0.0.1/33", "10.0.0.1/8"}} {
		for _, value := range values {
			if quoted, err := Quote(option, value); err == nil {
				t.Errorf("%s=%q became %s", option, value, quoted)
			}
		}
	}
}

func TestMinimal(t *testing.T) {
	a, b := newKey(t), newKey(t)
	for name, c := range map[string]struct {
		before, want string
		change       func(*File)
		patches      int
	}{
		"quarantine":      {text(a) + "\n" + text(b), "#" + text(a)[1:] + "\n" + text(b), func(f *File) { f.Quarantine(a.Marshal(), "t") }, 1},
		"indented":        {" \t" + text(a) + "\n", " \t#" + text(a)[1:] + "\n", func(f *File) { f.Quarantine(a.Marshal(), "t") }, 1},
		"remove twice":    {text(a) + "\nno-pty " + text(a) + "\n", "#" + text(a)[1:] + "\n#o-pty " + text(a) + "\n", func(f *File) { f.Remove(a.Marshal()) }, 2},
		"append":          {text(a), text(a) + "\n" + text(b) + "\n", func(f *File) { _, _ = f.Append(text(b)) }, 1},
		"both":            {text(a) + "\n", "#" + text(a)[1:] + "\n" + text(b) + "\n", func(f *File) { f.Quarantine(a.Marshal(), "t"); _, _ = f.Append(text(b)) }, 2},
		"back, one byte":  {"#" + text(a)[1:] + " x\n", text(a) + " x\n", func(f *File) { f.Restore(a.Marshal(), "t") }, 1},
		"back, appended":  {"# quarantined by keybroker (t): " + text(a) + "\n", "# Quarantined by keybroker (t): " + text(a) + "\n" + text(a) + "\n", func(f *File) { f.Restore(a.Marshal(), "t") }, 2},
		"nothing":         {text(a), text(a), func(*File) {}, 0},
		"of a quarantine": {"# quarantined by keybroker (t): " + text(a) + "\n", "# Quarantined by keybroker (t): " + text(a) + "\n", func(f *File) { f.Remove(a.Marshal()) }, 1},
	} {
		f := Parse([]byte(c.before))
		c.change(f)
		patches, result, err := Minimal([]byte(c.before), f.Bytes())
		if err != nil || string(result) != c.want || len(patches) != c.patches {
			t.Errorf("%s: %v, %d patches, %q, want %q", name, err, len(patches), result, c.want)
		}
	}
}

// The letter that was overwritten comes back for every type and option, and a comment
// of a person's stays one.
func TestOverwrittenLetter(t *testing.T) {
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ecKey := must(ssh.NewPublicKey(&ec.PublicKey))
	for _, key := range []ssh.PublicKey{newKey(t), ecKey} {
		for _, options := range []string{"", "restrict", "cert-authority", "no-pty", "pty", "user-rc", `from="a"`, `command="x"`, `expiry-time="20300101"`, `environment="A=b"`, `permitopen="a:1"`, `tunnel="1"`, `principals="p"`, "X11-forwarding", "agent-forwarding", "port-forwarding", "verify-required", "touch-required"} {
			line := strings.TrimSpace(options + " " + text(key) + " c")
			_, hidden, err := Minimal([]byte(line), nil)
			if err != nil {
				t.Fatal(err)
			}
			f := Parse(hidden)
			if f.Lines[0].LetsIn() || f.Restore(key.Marshal(), "x") == nil || !strings.EqualFold(string(f.Bytes()), line) {
				t.Errorf("%q became %q and then %q", line, hidden, f.Bytes())
			}
			person := Parse([]byte("#" + line))
			if person.Lines[0].Quarantined || person.Restore(key.Marshal(), "") != nil {
				t.Errorf("a person's comment %q was taken for ours", "#"+line)
			}
		}
	}
}

func TestVersions(t *testing.T) {
	key := newKey(t)
	line := Parse([]byte(`restrict,expiry-time="20300101Z",permitlisten="1" ` + text(key))).Lines[0]
	for banner, want := range map[string]string{
		"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10": "",
		"OpenSSH_for_Windows_8.1":                 "expiry-time in UTC (OpenSSH 9.1)",
		"OpenSSH_7.4":                             "expiry-time (OpenSSH 7.7), expiry-time in UTC (OpenSSH 9.1), permitlisten (OpenSSH 7.8)",
		"OpenSSH_6.4":                             "ssh-ed25519 (OpenSSH 6.5), restrict (OpenSSH 7.2), expiry-time (OpenSSH 7.7), expiry-time in UTC (OpenSSH 9.1), permitlisten (OpenSSH 7.8)",
		"dropbear_2022.83":                        "",
	} {
		if got := strings.Join(ParseVersion(banner).TooOld(line), ", "); got != want {
			t.Errorf("%s: %q, want %q", banner, got, want)
		}
	}
}

// ssh-keygen -lf is the oracle for what is a key and for its fingerprint.
func TestFingerprintsAreThoseOfSSHKeygen(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("no ssh-keygen here")
	}
	dir := t.TempDir()
	var file []byte
	for _, args := range [][]string{{"ed25519"}, {"ecdsa", "-b", "256"}, {"ecdsa", "-b", "384"}, {"ecdsa", "-b", "521"}, {"rsa", "-b", "1024"}, {"rsa", "-b", "3072"}} {
		path := filepath.Join(dir, strings.Join(args, ""))
		if out, err := exec.Command("ssh-keygen", append([]string{"-q", "-N", "", "-C", "c", "-f", path, "-t"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		file = append(file, `from="a",command="b \" c" `...)
		file = append(file, must(os.ReadFile(path+".pub"))...)
		file = append(file, "# comment\n"...)
	}
	for _, line := range Parse(file).Lines {
		if ours, theirs := line.Fingerprint(), sshKeygen(t, dir, line.Raw); ours != theirs {
			t.Errorf("%q: %q, ssh-keygen says %q", line.Raw, ours, theirs)
		}
	}
}

// sshKeygen is what ssh-keygen -lf says of a line; "": no key.
func sshKeygen(t testing.TB, dir string, line []byte) string {
	path := filepath.Join(dir, "line")
	if err := os.WriteFile(path, line, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ssh-keygen", "-lf", path).Output()
	if words := strings.Fields(string(out)); err == nil && len(words) > 1 {
		return words[1]
	}
	return ""
}

// The line model never loses a byte, each edit keeps all other lines, and what lets in is
// what x/crypto reads as well. (It does not judge options, and takes some lines that
// sshd does not.)
func FuzzFile(f *testing.F) {
	key := newKey(f)
	other := newKey(f)
	for _, seed := range []string{"", "\n", text(key), `from="a" ` + text(key) + "\r\n#" + text(other), "\ufeff" + text(key), "#sh-ed25519 " + text(key)[12:], "# quarantined by keybroker (a): " + text(key),
		`command="a \" b" ` + text(key) + "\n\n" + text(other), text(key) + "\r" + text(other), "a\x00b " + text(key)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := Parse(data)
		if !bytes.Equal(file.Bytes(), data) {
			t.Fatalf("%q became %q", data, file.Bytes())
		}
		for _, line := range file.Lines {
			if line.LetsIn() && line.Key != nil && !bytes.ContainsAny(line.Raw, "\x00\r\v\f") {
				parsed, _, _, _, err := ssh.ParseAuthorizedKey(line.Raw)
				if err != nil || !bytes.Equal(parsed.Marshal(), line.Blob) {
					if _, alias := otherNames[strings.Fields(string(line.Raw))[0]]; !alias && len(line.Options) == 0 {
						t.Fatalf("%q: %v %v", line.Raw, parsed, err)
					}
				}
			}
			if line.Blob == nil {
				continue
			}
			edited := Parse(data)
			changed := edited.Quarantine(line.Blob, "note")
			if len(Parse(edited.Bytes()).With(line.Blob)) != 0 {
				t.Fatalf("%q is still in %q", line.Raw, edited.Bytes())
			}
			for i, now := range edited.Lines {
				if !slices.Contains(changed, i+1) && !bytes.Equal(now.Raw, file.Lines[i].Raw) {
					t.Fatalf("line %d changed from %q to %q", i+1, file.Lines[i].Raw, now.Raw)
				}
			}
			if _, result, err := Minimal(data, edited.Bytes()); err != nil || len(Parse(result).With(line.Blob)) != 0 {
				t.Fatalf("in place: %v, %q", err, result)
			}
			again := Parse(edited.Bytes())
			for _, number := range changed { // those that were quarantined before come back as well
				if raw := original(again.Lines[number-1].Raw); !bytes.Equal(raw, file.Lines[number-1].Raw) {
					t.Fatalf("line %d came back as %q, was %q", number, raw, file.Lines[number-1].Raw)
				}
			}
		}
	})
}

// FuzzOptions holds our reading of one line against ssh-keygen's.
func FuzzOptions(f *testing.F) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		f.Skip("no ssh-keygen here")
	}
	key := newKey(f)
	for _, seed := range []string{"", `from="a,b" `, `command="a \" b",no-pty `, " \t", "#", `x="`, "\\\"", `a"b"c `, "ssh-rsa ", "\v", "\r"} {
		f.Add(seed, " c")
	}
	for _, seed := range []string{"\u00a0", "\xc2\x85 ", "\xff ", "\f ", "ssh-ed25519 AAAA ", `a\"b `, `"a b" `, `"a b"c d `, `a="\\" `, "cert-authority,", "@revoked ", "1024 35 ", "sk-ssh-ed25519@openssh.com ",
		strings.Repeat("a", 9000) + " ", strings.Repeat("a ", 9000), "\x00", "\x01 ", "ssh-ed25519", "a, ", ",a ", `a="b"" `, `"`, `\ `} {
		f.Add(seed, "")
	}
	for _, seed := range []string{"x", "=", "==", "\v", "\f c", "\tc", "\u00a0", " \xc2\x85", " " + strings.Repeat("c", 9000), "AAAA", "#c", "\"c"} {
		f.Add("", seed)
		f.Add(`from="a" `, seed)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.ContainsAny(before+after, "\n\x00\r") {
			return // ssh-keygen's own reading of files, which is not sshd's
		}
		raw := before + text(key) + after
		line := Parse([]byte(raw)).Lines[0]
		if line.Quarantined || line.Dead != "" || strings.HasPrefix(raw, byteOrderMark) {
			return // ssh-keygen judges no option
		}
		if ours, theirs := line.Fingerprint(), sshKeygen(t, dir, []byte(raw+"\n")); ours != theirs {
			t.Fatalf("%q: %q, ssh-keygen says %q", raw, ours, theirs)
		}
	})
}
