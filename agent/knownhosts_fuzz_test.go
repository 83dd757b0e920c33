package agent

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
)

// FuzzKnownHosts: the index finds in any file what reading each line finds.
func FuzzKnownHosts(f *testing.F) {
	key, other := numberedKey(f, 1), numberedKey(f, 2)
	for _, hosts := range []string{"a,[b]:22", "|1|c2FsdA==|aGFzaA==", "@revoked *", "@cert-authority *.e,!x", "# a", "\ta\t", "@ @a b", "a \r", "\v# a", "\v@revoked *", "\xc2\xa0a", "a\x00"} {
		f.Add([]byte(lineOf(hosts, key) + "\n" + lineOf("o", other) + " comment\r\n\n" + lineOf(hosts, key)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file := &hostsFile{path: "f", text: text, index: indexLines(text)}
		for line := range bytes.Lines(text) {
			if _, _, key, err := publickey.ParseHostLine(line); err == nil {
				if blob := key.Marshal(); !reflect.DeepEqual(file.known(blob), knownInAll("f", text, blob)) {
					t.Fatalf("%q in %q: %+v, by each line %+v", line, text, file.known(blob), knownInAll("f", text, blob))
				}
			}
		}
	})
}

// FuzzHostNames holds which names a line is for against ssh-keygen's reading of it.
func FuzzHostNames(f *testing.F) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		f.Skip("no ssh-keygen here")
	}
	for _, seed := range [][2]string{{"a,b", "b"}, {"*.example.com,!x.example.com", "x.example.com"}, {"A.b", "a.B"}, {"[a]:2222", "[a]:2222"}, {"?", "é"},
		{"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=", "192.168.1.61"}, {"!a,*", "a"}, {"a,", ""}, {"**a", "ba"}, {"|1|", "|1|"}, {"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCh=", "192.168.1.61"}, {"|1|YQ==|ZleFVoaCOYbIdDYnMROXUgFMtgs=", "b"}, {"|2|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=", "192.168.1.61"},
		{"a,|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=", "192.168.1.61"}, {"a,|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=", "a"}, {"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=,b", "192.168.1.61"}, {"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=,b", "b"}, {"!|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=,*", "192.168.1.61"}, {"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=\xc2\xa0", "192.168.1.61"}, {"|1|a", "|1|a"}, {"|", "|"}, {"|2|a", "|2|a"}, {"|*", "|x"}, {"a,|x", "|x"}, {"*", "a,b"}, {"[a]:22", "a"}, {"a", "[a]:22"}, {"a,!a", "a"}, {"!a", "b"}, {"!!a,*", "!a"}, {"a\xff", "A\xff"}, {"\u212a", "k"}, {"?", "\xff"}, {"??", "\u00e9"}, {"*,", "x"}, {",", "x"}, {"a", "-a"}, {"-a", "-a"}, {"a", "a."}, {"%", "%"}, {"\\*", "*"}, {"\x01", "\x01"}, {"\x7f", "\x7f"}, {"::1", "::1"}, {"0:0::1", "::1"}} {
		f.Add(seed[0], seed[1])
	}
	key, path := numberedKey(f, 1), filepath.Join(f.TempDir(), "known_hosts")
	f.Fuzz(func(t *testing.T, hosts, name string) {
		if strings.ContainsAny(hosts+name, " \t\n\v\f\r\x00\"") || hosts == "" || name == "" || strings.ContainsAny(hosts[:1], "#@") || len(hosts)+len(name) > 500 {
			return // other fields of the line, and no names
		}
		text := lineOf(hosts, key) + "\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		theirs := exec.Command("ssh-keygen", "-F", name, "-f", path).Run() == nil
		file := &hostsFile{path: path, text: []byte(text), index: indexLines([]byte(text))}
		known := file.known(key.Marshal())
		ours := known != nil && (slices.ContainsFunc(known.names, func(n string) bool { return keys.NewPattern(n, openSSHHost).Match(name) }) ||
			slices.ContainsFunc(slices.Concat(known.hashed, known.patterns), func(line string) bool { return lineMatches(line, name) }))
		if ours != theirs {
			t.Fatalf("%q is for %q: %v, ssh-keygen says %v", hosts, name, ours, theirs)
		}
	})
}
