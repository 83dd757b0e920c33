package softkeys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform"
)

// Here is what a program can do that writes files as the user, and has not the
// vault's secret.

func mv(t *testing.T, s *Store, old, new string, suffixes ...string) {
	t.Helper()
	for _, suffix := range suffixes {
		if err := os.Rename(s.file(old, suffix), s.file(new, suffix)); err != nil {
			t.Fatal(err)
		}
	}
}

// A rule is for a name: files that were moved have none.
func TestMovedFilesAreNoKey(t *testing.T) {
	for name, suffixes := range map[string][]string{"all of them": {".age", ".pub", ".mac"}, "as it once was": {".age", ".pub"}} {
		t.Run(name, func(t *testing.T) {
			s := newPassphraseStore(t)
			info := generate(t, s, "first")
			mv(t, s, "first", "deploy", suffixes...)
			if len(suffixes) == 2 { // the code tells its name, and not more
				content, _ := os.ReadFile(s.file("first", ".mac"))
				os.WriteFile(s.file("deploy", ".mac"), content, 0o600)
				os.Remove(s.file("first", ".mac"))
			}
			want := map[string]string{"deploy": "its files were renamed: it was sealed as first"}
			for _, s := range []*Store{again(s), s} { // not opened, opened
				wantListed(t, s, "")
				wantDamage(t, s, want)
				info.Name = "deploy"
				wantError(t, trySign(t.Context(), s, info, ""), "it was sealed as first")
				_, err := s.Export(t.Context(), "deploy", pubformat.OpenSSH)
				wantError(t, err, "give them the name first again")
			}
			mv(t, s, "deploy", "first", ".age", ".pub", ".mac")
			if err := rename(s, "first", "deploy"); err != nil {
				t.Fatal(err)
			}
			mustSign(t, again(s), info)
		})
	}
}

// The code is rewritten to name the new name, which only the vault can.
func TestMovedFilesWithAChangedCode(t *testing.T) {
	s := newPassphraseStore(t)
	info := generate(t, s, "first")
	mv(t, s, "first", "deploy", ".age", ".pub", ".mac")
	code, _ := os.ReadFile(s.file("deploy", ".mac"))
	os.WriteFile(s.file("deploy", ".mac"), bytes.Replace(code, []byte("first"), []byte("deploy"), 1), 0o600)

	s = again(s)
	wantListed(t, s, "deploy:sealed")
	if all := s.All(); !all[0].Unproved {
		t.Error("it is not said that it is not proved")
	}
	info.Name = "deploy"
	wantError(t, trySign(t.Context(), s, info, ""), "deploy is damaged: another program changed its files")
	wantListed(t, s, "")
}

// A key that is opened already does not sign under another name.
func TestMovedWhileOpened(t *testing.T) {
	s := newPassphraseStore(t)
	info := generate(t, s, "first")
	mustSign(t, s, info)
	mv(t, s, "first", "deploy", ".age", ".pub", ".mac")
	code, _ := os.ReadFile(s.file("deploy", ".mac"))
	os.WriteFile(s.file("deploy", ".mac"), bytes.Replace(code, []byte("first"), []byte("deploy"), 1), 0o600)
	wantListed(t, s, "")
	for _, name := range []string{"first", "deploy"} {
		info.Name = name
		wantError(t, trySign(t.Context(), s, info, ""), "is damaged")
	}
	s.Forget() // what was proved stays proved, and what was not does not come back
	wantListed(t, s, "")
}

// A decision on a name that was true a moment ago.
func TestRenamedWhileDecided(t *testing.T) {
	s := newPassphraseStore(t)
	info := generate(t, s, "first")
	if err := rename(again(s), "first", "deploy"); err != nil {
		t.Fatal(err)
	}
	wantError(t, trySign(t.Context(), s, info, ""), "was renamed to deploy while the request was being decided\ntry again")
	info.Name = "deploy"
	mustSign(t, s, info)
}

// plant puts a key of the program's own there, sealed to what the recipient's
// file says, with a code of another vault.
func plant(t *testing.T, s *Store, name string) {
	t.Helper()
	_, private, _ := ed25519.GenerateKey(nil)
	block, err := ssh.MarshalPrivateKey(private, name)
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := s.vault.recipient()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := encrypt(recipient, pem.EncodeToMemory(block))
	if err != nil {
		t.Fatal(err)
	}
	own, _ := age.GenerateX25519Identity()
	signer, _ := ssh.NewSignerFromKey(private)
	line, _ := pubformat.Marshal(pubformat.OpenSSH, signer.PublicKey(), name)
	for suffix, content := range map[string][]byte{".pub": line, ".age": sealed,
		".mac": proofKeyOf(own).prove(facts{name, name, signer.PublicKey().Marshal(), sha256.Sum256(sealed)})} {
		if err := os.WriteFile(s.file(name, suffix), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// An attacker's public key must not get onto the user's hosts.
func TestPlantedKey(t *testing.T) {
	for name, in := range map[string]string{"in place of one": "work", "as a new one": "prod"} {
		t.Run(name, func(t *testing.T) {
			s := newPassphraseStore(t)
			generate(t, s, "work")
			plant(t, s, in)
			for _, s := range []*Store{again(s), s} {
				_, err := s.Export(t.Context(), in, pubformat.OpenSSH)
				wantError(t, err, "another program changed its files")
				if strings.Contains(listed(s), in) {
					t.Errorf("listed: %s", listed(s))
				}
			}
			if in != "work" {
				if _, err := again(s).Export(t.Context(), "work", pubformat.OpenSSH); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Only the public half is another's.
func TestForeignPublicHalf(t *testing.T) {
	s, _ := newStore(t)
	generate(t, s, "work")
	generate(t, s, "other")
	line, _ := os.ReadFile(s.file("other", ".pub"))
	whole, _ := os.ReadFile(s.file("work", ".pub"))
	for what, content := range map[string][]byte{"another key": line, "another comment": append(bytes.Clone(bytes.TrimSpace(whole)), " for everybody\n"...)} {
		os.WriteFile(s.file("work", ".pub"), content, 0o600)
		fresh := again(s)
		fresh.Prove(t.Context()) // the keychain asks nobody
		wantListed(t, fresh, "other:sealed")
		wantDamage(t, fresh, map[string]string{"work": "another program changed its files"})
		if all := fresh.All(); all[1].Remedy != "write work.pub anew from the sealed key: keybroker keys repair work" {
			t.Errorf("%s: the remedy is %q", what, all[1].Remedy)
		}
	}
	if err := s.Repair(t.Context(), "work", func(info keys.Info, proved bool) error {
		if !proved || info.Comment != "work" {
			t.Errorf("proved %v, %+v", proved, info)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(s.file("work", ".pub")); !bytes.Equal(again, whole) {
		t.Errorf("repaired to %q, was %q", again, whole)
	}
	wantDamage(t, s, map[string]string{})
}

// Without a code the person has to say that a key is theirs.
func TestRepairAsks(t *testing.T) {
	s, _ := newStore(t)
	info := generate(t, s, "work")
	os.Remove(s.file("work", ".mac"))
	os.Remove(s.file("work", ".pub"))
	no := errors.New("not mine")
	err := s.Repair(t.Context(), "work", func(got keys.Info, proved bool) error {
		if proved || got.Fingerprint != info.Fingerprint {
			t.Errorf("proved %v, %+v", proved, got)
		}
		return no
	})
	if !errors.Is(err, no) {
		t.Error(err)
	}
	wantFiles(t, s, "work.age")
	if err := s.Repair(t.Context(), "work", func(keys.Info, bool) error { return nil }); err != nil {
		t.Fatal(err)
	}
	mustSign(t, again(s), info)
	wantError(t, s.Repair(t.Context(), "nobody", nil), `there is no sealed key "nobody"`)
}

// The file that says what to seal to is overwritten.
func TestSealsToTheOpenedVaultOnly(t *testing.T) {
	attacker, _ := age.GenerateX25519Identity()
	for name, s := range map[string]*Store{"passphrase": newPassphraseStore(t), "keychain": first(newStore(t))} {
		t.Run(name, func(t *testing.T) {
			generate(t, s, "first")
			whole, _ := os.ReadFile(s.vault.config.recipientFile())
			os.WriteFile(s.vault.config.recipientFile(), fmt.Appendln(nil, attacker.Recipient()), 0o600)
			fresh := again(s)
			if _, err := fresh.Generate(t.Context(), "second", KeySpec{}, ""); err == nil {
				t.Error("a key was sealed to a recipient that the vault does not prove")
			}
			if _, err := s.Generate(t.Context(), "opened", KeySpec{}, ""); err != nil { // what is open needs no file
				t.Error(err)
			}
			wantFiles(t, s, "first.age first.mac first.pub opened.age opened.mac opened.pub")
			sealed, _ := os.ReadFile(s.file("opened", ".age"))
			if _, err := decrypt(attacker, sealed); err == nil {
				t.Error("the attacker can open it")
			}
			os.WriteFile(s.vault.config.recipientFile(), whole, 0o600)
			generate(t, again(s), "third")
		})
	}
}

// Another program puts a vault in a keychain that it can read in the place of one under a passphrase.
func TestVaultOfAnotherKind(t *testing.T) {
	s, k := newStore(t)
	generate(t, s, "a")
	under := NewStore(Config{Dir: s.vault.config.Dir, Seal: SealPassphrase, Keychain: k, Person: answer(testPassphrase)})
	_, err := under.Generate(t.Context(), "b", KeySpec{}, "")
	wantError(t, err, "is not under a passphrase, but seal = \"passphrase\" requires one")
}

// A vault that was taken away is not replaced without a word.
func TestVaultTakenAway(t *testing.T) {
	s, k := newStore(t)
	generate(t, s, "a")
	os.RemoveAll(s.vault.config.vaultDir())
	fresh := NewStore(Config{Dir: s.vault.config.Dir, Keychain: k})
	_, err := fresh.Generate(t.Context(), "b", KeySpec{}, "")
	wantError(t, err, "there are sealed keys in "+s.dir+", but the vault that opens them is missing\nrestore ")
	if strings.Contains(platform.Text(err), "rm ") {
		t.Errorf("the remedy loses keys: %v", err)
	}
}

// What cannot be read at once, or is open to others, is named and not waited for.
func TestFilesThatAreNone(t *testing.T) {
	for suffix, want := range map[string]string{".pub": "a.pub ", ".age": "a.age ", ".mac": "a.mac "} {
		for _, test := range map[string]struct {
			change func(path string) error
			reason string
		}{
			"open to others": {func(path string) error { return os.Chmod(path, 0o666) }, "may be written by others (mode 0666)"},
			"FIFO":           {makeFIFO, "cannot be read"},
			"link to a device": {func(path string) error {
				os.Remove(path)
				return os.Symlink("/dev/zero", path)
			}, "cannot be read"},
		} {
			s, _ := newStore(t)
			generate(t, s, "a")
			if err := test.change(s.file("a", suffix)); err != nil {
				t.Fatal(err)
			}
			wantListed(t, again(s), "")
			wantDamage(t, again(s), map[string]string{"a": want + test.reason})
		}
	}
}

func TestVaultOpenToOthers(t *testing.T) {
	s := newPassphraseStore(t)
	info := generate(t, s, "a")
	for path, mode := range map[string]os.FileMode{s.vault.config.vaultDir(): 0o777, s.vault.config.identityFile(): 0o644, s.vault.config.recipientFile(): 0o660} {
		before, _ := os.Stat(path)
		os.Chown(path, -1, os.Geteuid()+1)
		os.Chmod(path, mode)
		err := trySign(t.Context(), again(s), info, "")
		if err == nil || !strings.Contains(err.Error(), "others") || !strings.Contains(platform.Text(err), "run: chmod ") {
			t.Errorf("%s: %v", path, err)
		}
		os.Chmod(path, before.Mode().Perm())
		mustSign(t, again(s), info)
	}
	os.Chmod(s.dir, 0o777)
	wantError(t, again(s).Err(), "may be written by others")
	wantListed(t, again(s), "")
}

func TestProofIsStrict(t *testing.T) {
	own, _ := age.GenerateX25519Identity()
	key := proofKeyOf(own)
	f := facts{"a", "comment", []byte("blob"), sha256.Sum256([]byte("sealed"))}
	p, err := parseProof(key.prove(f))
	if err != nil || !key.holds(p, f) {
		t.Fatalf("%v, %v", p, err)
	}
	for _, other := range []facts{
		{"b", f.comment, f.blob, f.sealed}, {f.name, "commen", []byte("tblob"), f.sealed}, {f.name, f.comment, []byte("blo"), f.sealed}, {f.name, f.comment, f.blob, sha256.Sum256(nil)},
	} {
		if p.name = other.name; key.holds(p, other) {
			t.Errorf("it holds for %v", other)
		}
	}
	for _, line := range []string{"", "1 a", "2 a AAAA", "1 a AAAA", "1 ../a " + strings.Repeat("A", 43) + "=", "1 a b c"} {
		if _, err := parseProof([]byte(line)); err == nil {
			t.Errorf("%q is taken", line)
		}
	}
}

// What lies on the disk cannot be opened, is another key, or is not what was meant: nothing stays, and
// nothing is said to be sealed.
func TestNothingStaysThatCannotBeUsed(t *testing.T) {
	s, _ := newStore(t)
	generate(t, s, "good")
	identity, err := s.vault.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, private, _ := ed25519.GenerateKey(nil)
	signer, _ := ssh.NewSignerFromKey(private)
	other, _ := age.GenerateX25519Identity()
	block, _ := ssh.MarshalPrivateKey(private, "")
	good, _ := os.ReadFile(s.file("good", ".age"))
	seal := func(to *age.X25519Identity, plain []byte) []byte {
		sealed, err := encrypt(to.Recipient(), bytes.Clone(plain))
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	whole := pem.EncodeToMemory(block)
	for want, sealed := range map[string][]byte{
		"is sealed to another vault":  seal(other, whole),
		"holds another key":           good,
		"does not hold a private key": seal(identity, whole[:len(whole)/2]),
		"a.age is not an age file":    []byte("cut"),
		"":                            seal(identity, whole),
	} {
		err := s.write("a", signer.PublicKey(), "", sealed, identity)
		if want == "" && err != nil {
			t.Error(err)
		} else if want != "" {
			wantError(t, err, want)
			wantFiles(t, s, "good.age good.mac good.pub")
		} else if err := s.Delete("a"); err != nil {
			t.Error(err)
		}
	}
}
