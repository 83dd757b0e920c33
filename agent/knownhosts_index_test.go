package agent

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// numberedKey is another host key for each number.
func numberedKey(t testing.TB, n uint64) ssh.PublicKey {
	t.Helper()
	seed := binary.BigEndian.AppendUint64(make([]byte, ed25519.SeedSize-8), n)
	key, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(seed).Public())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func lineOf(hosts string, key ssh.PublicKey) string {
	return hosts + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// knownInAll is what reading every line finds, without an index.
func knownInAll(path string, text []byte, blob []byte) (known *knownKey) {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		marker, hosts, key, err := publickey.ParseHostLine(line)
		if err != nil || !bytes.Equal(key.Marshal(), blob) {
			continue
		}
		if known == nil {
			known = new(knownKey)
		}
		known.add(marker, hosts, fmt.Sprintf("%s:%d", path, number))
	}
	return known
}

// The index finds what reading every line finds.
func TestTheIndexFindsEveryLine(t *testing.T) {
	key := numberedKey(t, 7)
	line := lineOf("HOST", key)
	var lines []string
	for i, hosts := range []string{"a.example.com", "|1|c2FsdA==|aGFzaA==", "*.example.com,!b", "[c]:2222,192.0.2.1", "@revoked d", "@cert-authority *.e", "@unknown f"} {
		lines = append(lines, strings.Replace(line, "HOST", hosts, 1), lineOf(fmt.Sprint("other", i), numberedKey(t, uint64(100+i))))
	}
	lines = append(lines, "", "# "+line, "   "+strings.Replace(line, "HOST", "spaces", 1), "\t"+strings.Replace(line, " ", "\t  ", 2),
		strings.Replace(line, "HOST", "comment", 1)+" anna@laptop", strings.Replace(line, "HOST", "windows", 1)+"\r",
		"broken ssh-ed25519 AAAA", "broken ssh-ed25519 ????", "broken", line[:len(line)-4], "last "+strings.Join(strings.Fields(line)[1:], " "))
	path := filepath.Join(t.TempDir(), "known_hosts")
	text := []byte(strings.Join(lines, "\n"))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	file := readHosts(path)
	for range 2 { // the second time from what was parsed
		for _, n := range []uint64{7, 100, 103, 106, 999} {
			blob := numberedKey(t, n).Marshal()
			if got, want := file.known(blob), knownInAll(path, text, blob); !reflect.DeepEqual(got, want) {
				t.Errorf("key %d: %+v, want %+v", n, got, want)
			}
		}
	}
	if known := file.known(key.Marshal()); known == nil || known.revoked == "" || len(known.names) < 6 {
		t.Errorf("the test's own file: %+v", known)
	}
}

// A file of 100,000 hosts is read whole: 8 MiB were the limit.
func TestLargeKnownHosts(t *testing.T) {
	const count = 100_000
	some := numberedKey(t, 1).Marshal()
	some = some[:len(some)-8]
	var text bytes.Buffer
	for i := range uint64(count) {
		blob := binary.BigEndian.AppendUint64(some, i) // not that of a real key
		fmt.Fprintf(&text, "host%d.example.com %s %s\n", i, ssh.KeyAlgoED25519, base64.StdEncoding.EncodeToString(blob))
	}
	last := numberedKey(t, 5)
	fmt.Fprintln(&text, lineOf("last.example.com", last))
	path := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	hosts := NewKnownHosts(path)
	if known := hosts.read(path).known(last.Marshal()); known == nil || known.names[0] != "last.example.com" {
		t.Errorf("the last of %d lines: %+v", count, known)
	}
	if problems := hosts.Problems(); len(problems) > 0 {
		t.Errorf("%d bytes: %v", text.Len(), problems)
	}
}

func TestAFileThatIsNotKnownAsAWholeIsAProblem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	hosts := NewKnownHosts(path, filepath.Join(t.TempDir(), "none"))
	if problems := hosts.Problems(); len(problems) > 0 {
		t.Errorf("an empty file and none: %v", problems)
	}
	if err := os.Truncate(path, MaxKnownHosts+1); err != nil {
		t.Fatal(err)
	}
	if problems := hosts.Problems(); len(problems) != 1 || !strings.Contains(problems[0].Error(), "is not known as a whole") {
		t.Errorf("a file that is too long: %v", problems)
	}
}

func BenchmarkReadHosts100000(b *testing.B) {
	path := filepath.Join(b.TempDir(), "known_hosts")
	key := lineOf("host.example.com", numberedKey(b, 1))
	if err := os.WriteFile(path, bytes.Repeat([]byte(key+"\n"), 100_000), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		readHosts(path)
	}
}
