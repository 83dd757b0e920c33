package softkeys

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/softkeys/keychain"
)

func TestGenerateAndSign(t *testing.T) {
	s, _ := newStore(t)
	for name, test := range map[string]struct {
		spec       KeySpec
		algorithms []string
	}{
		"ed":   {KeySpec{}, []string{"", "ssh-ed25519"}},
		"p256": {KeySpec{"ecdsa", 0}, []string{"", "ecdsa-sha2-nistp256"}},
		"p384": {KeySpec{"ecdsa", 384}, []string{"", "ecdsa-sha2-nistp384"}},
		"p521": {KeySpec{"ecdsa", 521}, []string{"", "ecdsa-sha2-nistp521"}},
		"rsa":  {KeySpec{"rsa", 0}, []string{"rsa-sha2-256", "rsa-sha2-512", "ssh-rsa"}},
	} {
		info, err := s.Generate(t.Context(), name, test.spec, "my "+name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Name != name || info.Comment != "my "+name || info.Source != "softkeys" {
			t.Errorf("%+v", info)
		}
		other := again(s) // as the daemon sees what the command wrote
		for _, algorithm := range test.algorithms {
			if err := trySign(t.Context(), other, info, algorithm); err != nil && !refusedByFIPS(algorithm) {
				t.Errorf("%s with %q: %v", name, algorithm, err)
			}
		}
		if err := trySign(t.Context(), other, info, "ssh-dss"); err == nil {
			t.Errorf("%s signs with ssh-dss", name)
		}
	}
	wantListed(t, again(s), "ed:sealed p256:sealed p384:sealed p521:sealed rsa:sealed")
}

func TestGenerateRefuses(t *testing.T) {
	s, _ := newStore(t)
	for _, spec := range []KeySpec{{"rsa", 2048}, {"rsa", 1 << 20}, {"dsa", 0}, {"ecdsa", 224}, {"ed25519", 512}, {"", 4096}} {
		_, err := s.Generate(t.Context(), "key", spec, "")
		wantError(t, err, "cannot be made\nuse ed25519")
	}
	for _, name := range []string{"", ".", "..", ".hidden", "-rf", "a/b", `a\b`, "a b", "ä", "a\n", "x-cert", strings.Repeat("n", 65)} {
		if _, err := s.Generate(t.Context(), name, KeySpec{}, ""); !errors.Is(err, ErrName) {
			t.Errorf("the name %q: %v", name, err)
		}
	}
	_, err := s.Generate(t.Context(), "key", KeySpec{}, "two\nlines")
	wantError(t, err, "control character")
	generate(t, s, "key")
	if _, err := s.Generate(t.Context(), "key", KeySpec{}, ""); !errors.Is(err, ErrExists) {
		t.Errorf("the second of a name: %v", err)
	}
	wantListed(t, again(s), "key:sealed")
}

func TestStates(t *testing.T) {
	s, k := newStore(t)
	a := generate(t, s, "a")
	generate(t, s, "b")
	s = again(s)
	loads := k.Loads()
	wantListed(t, s, "a:sealed b:sealed")
	if k.Loads() != loads {
		t.Error("listing touched the keychain")
	}
	mustSign(t, s, a)
	wantListed(t, s, "a b")
	s.Forget()
	wantListed(t, s, "a:sealed b:sealed")
	loads = k.Loads()
	mustSign(t, s, a)
	mustSign(t, s, a)
	if got := k.Loads() - loads; got != 1 {
		t.Errorf("two signatures after Forget opened the vault %d times", got)
	}
}

// TestNoSecretOnDisk looks for the key in every file that was written.
func TestNoSecretOnDisk(t *testing.T) {
	for name, s := range map[string]*Store{"passphrase": newPassphraseStore(t), "keychain": first(newStore(t))} {
		t.Run(name, func(t *testing.T) {
			_, private, err := ed25519.GenerateKey(nil)
			if err != nil {
				t.Fatal(err)
			}
			block, err := ssh.MarshalPrivateKey(private, "")
			if err != nil {
				t.Fatal(err)
			}
			inner := block.Bytes[bytes.Index(block.Bytes, private.Seed()):][:ed25519.SeedSize]
			info, err := s.add(t.Context(), "key", private, "comment")
			if err != nil {
				t.Fatal(err)
			}
			mustSign(t, again(s), info)
			identity, err := s.vault.Open(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			wantNotOnDisk(t, s.vault.config.Dir, []byte("PRIVATE KEY"), []byte("AGE-SECRET"), []byte(identity.String()),
				[]byte(testPassphrase), inner, []byte(hex.EncodeToString(inner)), []byte(base64.StdEncoding.EncodeToString(inner)[:40]))
			wantModes(t, s.vault.config.Dir)
		})
	}
}

func first[A, B any](a A, _ B) A { return a }

func wantModes(t *testing.T, dir string) {
	t.Helper()
	filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if want := map[bool]os.FileMode{true: 0o700, false: 0o600}[info.IsDir()]; path != dir && info.Mode().Perm() != want {
			t.Errorf("%s has the mode %#o", path, info.Mode().Perm())
		}
		return err
	})
}

func TestDamaged(t *testing.T) {
	s, _ := newStore(t)
	good := generate(t, s, "good")
	infos := map[string]keys.Info{}
	for _, name := range []string{"cut", "empty", "flipped", "foreign", "gone", "nopub", "swapped", "text"} {
		infos[name] = generate(t, s, name)
	}
	other, _ := newStore(t)
	generate(t, other, "foreign")
	sealed := func(s *Store, name string) []byte {
		data, err := os.ReadFile(s.file(name, ".age"))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	flipped := sealed(s, "flipped")
	flipped[len(flipped)-1] ^= 1
	for name, content := range map[string][]byte{
		"cut": sealed(s, "cut")[:100], "empty": {}, "flipped": flipped, "foreign": sealed(other, "foreign"),
		"swapped": sealed(s, "good"), "text": []byte("not an age file, but long enough"),
	} {
		if err := os.WriteFile(s.file(name, ".age"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	os.Remove(s.file("gone", ".age"))
	os.WriteFile(s.file("nopub", ".pub"), []byte("ssh-ed25519 AAAA"), 0o600)

	s = again(s)
	// What can be seen before the vault is opened.
	wantListed(t, s, "cut:sealed flipped:sealed foreign:sealed good:sealed swapped:sealed")
	wantDamage(t, s, map[string]string{
		"empty": "empty.age is not an age file", "gone": "gone.age is missing", "nopub": "nopub.pub is not a public key",
		"text": "text.age is not an age file",
	})
	for name, want := range map[string]string{
		"cut":     "cut is damaged: another program changed its files",
		"empty":   "empty is damaged: empty.age is not an age file\nbring its files back from a backup, and keep",
		"flipped": "flipped is damaged: another program changed its files",
		"foreign": "foreign is damaged: another program changed its files",
		"gone":    "gone.age is missing\nbring its files back from a backup",
		"swapped": "swapped is damaged: another program changed its files",
		"text":    "text.age is not an age file",
	} {
		wantError(t, trySign(t.Context(), s, infos[name], ""), want)
	}
	mustSign(t, s, good)
	wantListed(t, s, "good")
	if err := trySign(t.Context(), s, infos["nopub"], ""); !errors.Is(err, keys.ErrNotFound) {
		t.Errorf("nopub: %v", err)
	}
}

// wantDamage checks which keys are damaged, why, and that each has a remedy that loses nothing.
func wantDamage(t *testing.T, s *Store, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, e := range s.All() {
		if e.Damaged() {
			got[e.Name] = strings.TrimPrefix(e.State, "damaged: ")
		}
		if e.Damaged() && (e.PublicKey != nil || e.Fingerprint != "") || strings.Contains(e.Remedy, "remove") {
			t.Errorf("%+v", e)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("damaged are %q, want %q", got, want)
	}
}

// TestNoticesChanges: the command line writes beside the running daemon.
func TestNoticesChanges(t *testing.T) {
	command, _ := newStore(t)
	a := generate(t, command, "a")
	daemon := again(command)
	settle(t, daemon)
	wantListed(t, daemon, "a:sealed")
	mustSign(t, daemon, a)
	generate(t, command, "b")
	wantListed(t, daemon, "a b")
	settle(t, daemon)
	if err := rename(command, "a", "z"); err != nil {
		t.Fatal(err)
	}
	wantListed(t, daemon, "b z")
	settle(t, daemon)
	if err := command.Delete("z"); err != nil {
		t.Fatal(err)
	}
	if _, found := daemon.Find(a.Blob); found {
		t.Error("a deleted key is found")
	}
	if err := trySign(t.Context(), daemon, a, ""); !errors.Is(err, keys.ErrNotFound) {
		t.Errorf("a deleted key signs: %v", err)
	}
	wantListed(t, daemon, "b")
}

func TestListingIsKept(t *testing.T) {
	s, _ := newStore(t)
	generate(t, s, "a")
	settle(t, s)
	first := s.current()
	if again := s.current(); again != first {
		t.Error("a quiet directory was read twice")
	}
	os.Chtimes(s.dir, time.Now(), time.Now())
	first = s.current()
	if again := s.current(); again == first {
		t.Error("a time stamp of this moment was trusted")
	}
}

func TestDirectoryMissingOrUnreadable(t *testing.T) {
	s, _ := newStore(t)
	if s.List() != nil || s.Err() != nil {
		t.Error("a missing directory is no empty list")
	}
	if err := os.WriteFile(s.dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantError(t, s.Err(), "list the keys")
}

func TestSameKeyTwice(t *testing.T) {
	s, _ := newStore(t)
	generate(t, s, "a")
	for _, suffix := range []string{".pub", ".age", ".mac"} {
		content, _ := os.ReadFile(s.file("a", suffix))
		os.WriteFile(s.file("b", suffix), content, 0o600)
	}
	code, _ := os.ReadFile(s.file("b", ".mac"))
	os.WriteFile(s.file("b", ".mac"), bytes.Replace(code, []byte(" a "), []byte(" b "), 1), 0o600)
	s = again(s)
	wantListed(t, s, "a:sealed")
	wantDamage(t, s, map[string]string{"b": "it is the same key as a"})
}

func TestForeignFiles(t *testing.T) {
	s, _ := newStore(t)
	generate(t, s, "a")
	for _, name := range []string{".b.pub", "a-cert.pub", "README", "b c.pub", "x.pub~"} {
		os.WriteFile(filepath.Join(s.dir, name), []byte("x"), 0o600)
	}
	os.Mkdir(filepath.Join(s.dir, "d.pub"), 0o700)
	wantListed(t, s, "a")
	wantDamage(t, s, map[string]string{"d": "d.pub cannot be read"})
}

func TestRemoveHides(t *testing.T) {
	s, k := newStore(t)
	a, b := generate(t, s, "a"), generate(t, s, "b")
	mustSign(t, s, a)
	if err := s.Remove(a.Blob); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(a.Blob); !errors.Is(err, keys.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	wantListed(t, s, "b")
	if err := trySign(t.Context(), s, a, ""); !errors.Is(err, keys.ErrNotFound) {
		t.Errorf("a hidden key signs: %v", err)
	}
	if all := s.All(); len(all) != 2 || !all[0].Hidden || all[1].Hidden {
		t.Errorf("%+v", all)
	}
	if err := s.Load("a", "nothing"); !errors.Is(err, keys.ErrNotFound) {
		t.Errorf("load of an unknown name: %v", err)
	}
	wantListed(t, s, "b")
	if err := s.Load("a"); err != nil {
		t.Fatal(err)
	}
	mustSign(t, s, a)
	s.RemoveAll()
	wantListed(t, s, "")
	loads := k.Loads()
	if err := s.Load(); err != nil {
		t.Fatal(err)
	}
	wantListed(t, s, "a:sealed b:sealed")
	mustSign(t, s, b)
	if k.Loads() == loads {
		t.Error("the vault stayed open after RemoveAll")
	}
}

// TestImportShows: a key that comes again by file is listed again.
func TestImportShows(t *testing.T) {
	daemon, _ := newStore(t)
	_, private, _ := ed25519.GenerateKey(nil)
	info, err := daemon.add(t.Context(), "a", private, "")
	if err != nil {
		t.Fatal(err)
	}
	daemon.RemoveAll()
	wantListed(t, daemon, "")
	command := again(daemon)
	if err := rename(command, "a", "b"); err != nil {
		t.Fatal(err)
	}
	wantListed(t, daemon, "") // the same file under another name
	if err := command.Delete("b"); err != nil {
		t.Fatal(err)
	}
	if _, err := command.add(t.Context(), "c", private, ""); err != nil {
		t.Fatal(err)
	}
	wantListed(t, daemon, "c:sealed")
	info.Name = "c"
	mustSign(t, daemon, info)
}

func TestRename(t *testing.T) {
	s, _ := newStore(t)
	a := generate(t, s, "a")
	generate(t, s, "b")
	if err := rename(s, "a", "b"); !errors.Is(err, ErrExists) {
		t.Errorf("onto another: %v", err)
	}
	if err := rename(s, "c", "d"); !errors.Is(err, keys.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
	if err := rename(s, "a", "../a"); !errors.Is(err, ErrName) {
		t.Errorf("out of the directory: %v", err)
	}
	if err := rename(s, "a", "c"); err != nil {
		t.Fatal(err)
	}
	wantListed(t, s, "b c")
	a.Name = "c"
	mustSign(t, again(s), a)
	wantFiles(t, s, "b.age b.mac b.pub c.age c.mac c.pub")
}

func TestDelete(t *testing.T) {
	s, _ := newStore(t)
	generate(t, s, "a")
	generate(t, s, "b")
	os.Remove(s.file("b", ".pub"))
	for _, name := range []string{"a", "b"} {
		if err := s.Delete(name); err != nil {
			t.Error(err)
		}
	}
	wantFiles(t, s, "")
	if err := s.Delete("a"); !errors.Is(err, keys.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
	if err := s.Delete("../vault/recipient"); !errors.Is(err, ErrName) {
		t.Errorf("out of the directory: %v", err)
	}
}

func wantFiles(t *testing.T, s *Store, want string) {
	t.Helper()
	files, err := os.ReadDir(s.dir)
	var names []string
	for _, file := range files {
		names = append(names, file.Name())
	}
	if got := strings.Join(names, " "); got != want || err != nil {
		t.Errorf("the directory holds %q, want %q (%v)", got, want, err)
	}
}

func TestExport(t *testing.T) {
	s, _ := newStore(t)
	info, err := s.Generate(t.Context(), "a", KeySpec{}, "me@home")
	if err != nil {
		t.Fatal(err)
	}
	line, err := s.Export(t.Context(), "a", "openssh")
	pub, comment, _, _, err2 := ssh.ParseAuthorizedKey(line)
	if err != nil || err2 != nil || comment != "me@home" || !bytes.Equal(pub.Marshal(), info.Blob) {
		t.Errorf("%q: %v, %v", line, err, err2)
	}
	_, err = s.Export(t.Context(), "a", "xml")
	wantError(t, err, "unknown public key format")
	_, err = s.Export(t.Context(), "b", "openssh")
	wantError(t, err, "there is no sealed key \"b\"\n`keybroker keys list` shows")
}

// TestKeychainStates: each refusal says what to do, and the keys stay listed.
func TestKeychainStates(t *testing.T) {
	s, k := newStore(t)
	a := generate(t, s, "a")
	for state, hint := range map[error]string{
		keychain.ErrLocked:    "\nunlock the keyring",
		keychain.ErrDismissed: "\nunlock the keyring",
		keychain.ErrAbsent:    "\nstart a Secret Service",
		keychain.ErrNotFound:  "\nrestore the keyring",
	} {
		s.Forget()
		k.Fail(state)
		err := trySign(t.Context(), s, a, "")
		wantError(t, err, hint)
		if !errors.Is(err, state) {
			t.Errorf("the error %v is not %v", err, state)
		}
		wantListed(t, s, "a:sealed")
		k.Fail(nil)
		mustSign(t, s, a)
	}
}

// rename is granted by everybody.
func rename(s *Store, old, new string) error {
	return s.Rename(context.Background(), old, new, func(keys.Info) error { return nil })
}

// To seal many keys one after the other reads each of them once: what was not touched is
// not read again, and what was is.
func TestUnchangedKeysAreReadOnce(t *testing.T) {
	s, _ := newStore(t)
	for _, name := range []string{"a", "b", "c"} {
		if _, err := s.Generate(t.Context(), name, KeySpec{Type: "ed25519"}, ""); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-time.Hour)
	for _, name := range []string{"a", "b", "c"} {
		for _, suffix := range []string{".pub", ".age", proofSuffix} {
			if err := os.Chtimes(s.file(name, suffix), long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := s.reload()
	line, err := os.ReadFile(s.file("b", ".pub"))
	if err == nil {
		err = os.WriteFile(s.file("b", ".pub"), bytes.Replace(line, []byte(" b"), []byte(" x"), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	again := s.reload()
	for name, want := range map[string]string{"a": "", "b": "another program changed its files", "c": ""} {
		e := again.byName[name]
		if e.damage != want {
			t.Errorf("%s: %q", name, e.damage)
		}
		if want == "" && &e.blob[0] != &first.byName[name].blob[0] {
			t.Errorf("%s was read again", name)
		}
	}
	if s.Refresh(); &s.current().byName["a"].blob[0] == &first.byName["a"].blob[0] {
		t.Error("Refresh read nothing")
	}
}
