package softkeys

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/softkeys/keychain"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
)

func TestSealAuto(t *testing.T) {
	for name, test := range map[string]struct {
		chain      keychain.Keychain
		passphrase bool
	}{
		"works":  {softkeystest.New(), false},
		"none":   {nil, true},
		"absent": {failing(keychain.ErrAbsent), true},
		"locked": {failing(keychain.ErrLocked), true}, // and cannot be unlocked
		"broken": {failing(errors.New("a broken bus")), true},
	} {
		s := NewStore(Config{Dir: t.TempDir(), Keychain: test.chain, WorkFactor: testWorkFactor, Person: answer(testPassphrase)})
		info := generate(t, s, "a")
		if got := s.vault.underPassphrase(); got != test.passphrase {
			t.Errorf("%s: under a passphrase: %v", name, got)
		}
		mustSign(t, again(s), info)
	}
}

func failing(err error) *softkeystest.Keychain {
	k := softkeystest.New()
	k.Fail(err)
	return k
}

func TestSealKeychainOnly(t *testing.T) {
	s := NewStore(Config{Dir: t.TempDir(), Seal: SealKeychain, Keychain: failing(keychain.ErrLocked), Person: answer(testPassphrase)})
	_, err := s.Generate(t.Context(), "a", KeySpec{}, "")
	wantError(t, err, "create the vault: the keychain is locked\nunlock the keyring")
	s.vault.config.Keychain = nil
	_, err = s.Generate(t.Context(), "a", KeySpec{}, "")
	wantError(t, err, "seal = \"passphrase\"")
	s.vault.config.Seal = "paper"
	_, err = s.Generate(t.Context(), "a", KeySpec{}, "")
	wantError(t, err, "unknown seal")
	wantListed(t, s, "")
}

// forgetful keeps nothing of what it takes.
type forgetful struct{ *softkeystest.Keychain }

func (f forgetful) Store(context.Context, keychain.Attributes, []byte) error { return nil }

// TestReadBack: nothing is sealed to an identity that cannot be had again.
func TestReadBack(t *testing.T) {
	s := NewStore(Config{Dir: t.TempDir(), Seal: SealKeychain, Keychain: forgetful{softkeystest.New()}})
	_, err := s.Generate(t.Context(), "a", KeySpec{}, "")
	wantError(t, err, "did not return what was stored")
	if _, err := s.vault.recipient(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a vault: %v", err)
	}
}

// TestNewVaultIsOpen: who has just chosen the passphrase is not asked for it. A lock closes it.
func TestNewVaultIsOpen(t *testing.T) {
	s := newPassphraseStore(t)
	info := generate(t, s, "a")
	s.vault.config.Person = keystest.Asked(func(context.Context, keys.Question) ([]byte, error) {
		return nil, errors.New("asked again")
	})
	mustSign(t, s, info)
	s.Forget()
	wantError(t, trySign(t.Context(), s, info, ""), "asked again")
}

func TestNoVaultNoSecret(t *testing.T) {
	v := NewVault(Config{Dir: t.TempDir()})
	_, err := v.Open(t.Context(), nil)
	wantError(t, err, "there is no vault")
	_, err = v.OpenOrCreate(t.Context())
	wantError(t, err, "no way to ask for it\nset passphrase_file")
}

func TestPassphraseTries(t *testing.T) {
	s := newPassphraseStore(t)
	info := generate(t, s, "a")
	for answers, want := range map[string]string{
		"wrong wrong right": "",
		"wrong wrong wrong": "wrong passphrase",
	} {
		var errorsSeen []string
		words := strings.Fields(strings.ReplaceAll(answers, "right", strings.ReplaceAll(testPassphrase, " ", "_")))
		s := again(s)
		s.vault.config.Person = keystest.Asked(func(_ context.Context, q keys.Question) ([]byte, error) {
			if q.Use == nil || q.Use.Key.Name != "a" || q.Facts || q.Title == "" || !strings.Contains(q.Text, s.vault.config.Dir) {
				t.Errorf("asked with %+v", q)
			}
			errorsSeen = append(errorsSeen, q.Error)
			return []byte(strings.ReplaceAll(words[len(errorsSeen)-1], "_", " ")), nil
		})
		err := trySign(t.Context(), s, info, "")
		if want == "" && err != nil {
			t.Errorf("%s: %v", answers, err)
		} else if want != "" {
			wantError(t, err, want)
		}
		if got := strings.Join(errorsSeen, ";"); got != ";Wrong passphrase, 2 of 3 tries left;Wrong passphrase, 1 of 3 tries left" {
			t.Errorf("%s: the prompts said %q", answers, got)
		}
	}
}

func TestPromptClosed(t *testing.T) {
	s := newPassphraseStore(t)
	info := generate(t, s, "a")
	s = again(s)
	closed := errors.New("closed by the person")
	s.vault.config.Person = keystest.Asked(func(context.Context, keys.Question) ([]byte, error) { return nil, closed })
	if err := trySign(t.Context(), s, info, ""); !errors.Is(err, closed) {
		t.Error(err)
	}
	wantListed(t, s, "a:sealed")
}

func TestChoosePassphrase(t *testing.T) {
	s := newPassphraseStore(t)
	s.vault.config.Person = answer("", "", "one", "two", "same", "same")
	info := generate(t, s, "a")
	s = again(s)
	s.vault.config.Person = answer("same")
	mustSign(t, s, info)

	s = newPassphraseStore(t)
	s.vault.config.Person = answer("")
	_, err := s.Generate(t.Context(), "a", KeySpec{}, "")
	wantError(t, err, "no passphrase was chosen")
}

func TestPassphraseFile(t *testing.T) {
	s := newPassphraseStore(t)
	info := generate(t, s, "a")
	path := filepath.Join(t.TempDir(), "passphrase")
	open := func(mode os.FileMode, content string) error {
		os.Remove(path)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, mode)
		s := again(s)
		s.vault.config.PassphraseFile, s.vault.config.Person = path, nil
		return trySign(t.Context(), s, info, "")
	}
	for _, mode := range []os.FileMode{0o600, 0o400, 0o440} {
		for _, end := range []string{"", "\n", "\r\n"} {
			if err := open(mode, testPassphrase+end); err != nil {
				t.Errorf("%#o: %v", mode, err)
			}
		}
	}
	for _, mode := range []os.FileMode{0o644, 0o604, 0o640, 0o660, 0o620, 0o602, 0o444, 0o700} {
		wantError(t, open(mode, testPassphrase), "others may read or write it\nmake it 0600")
	}
	wantError(t, open(0o600, "wrong"), "wrong passphrase in "+path+"\nput the vault's passphrase there")
	wantError(t, open(0o600, testPassphrase+"\n\n"), "wrong passphrase")
	wantError(t, open(0o600, ""), "it is empty")
	wantError(t, open(0o600, "\n"), "first line is empty")
	wantError(t, open(0o600, strings.Repeat("x", maxPassphraseFile+1)), "larger than")

	s.vault.config.PassphraseFile = t.TempDir()
	s.Forget()
	wantError(t, trySign(t.Context(), s, info, ""), "not a regular file")
	s.vault.config.PassphraseFile = filepath.Join(t.TempDir(), "missing")
	wantError(t, trySign(t.Context(), s, info, ""), "no such file")
}

func TestPassphraseFileCreates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passphrase")
	os.WriteFile(path, []byte(testPassphrase+"\n"), 0o400)
	s := NewStore(Config{Dir: t.TempDir(), PassphraseFile: path, WorkFactor: testWorkFactor})
	mustSign(t, again(s), generate(t, s, "a"))
}

func TestPassphraseFileOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := filepath.Join(t.TempDir(), "passphrase")
	os.WriteFile(path, []byte(testPassphrase), 0o600)
	if _, err := readPassphraseFile(path); err != nil {
		t.Fatal(err)
	}
	os.Chown(path, 12345, 0)
	_, err := readPassphraseFile(path)
	wantError(t, err, "belongs to uid 12345")
}

// TestInterruptedCreation: identity.age is there, the recipient is not yet.
func TestInterruptedCreation(t *testing.T) {
	s := newPassphraseStore(t)
	a := generate(t, s, "a")
	os.Remove(s.vault.config.recipientFile())
	s = again(s)
	_, err := s.vault.Open(t.Context(), nil)
	wantError(t, err, "there is no vault")
	b := generate(t, s, "b")
	mustSign(t, again(s), a)
	mustSign(t, again(s), b)
}

func TestCreatedAtOnce(t *testing.T) {
	s, k := newStore(t)
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		wg.Go(func() { generate(t, again(s), name) })
	}
	wg.Wait()
	for _, info := range s.List() {
		mustSign(t, s, info)
	}
	wantListed(t, s, "a b c d")
	if k.Len() != 1 {
		t.Errorf("%d secrets are left in the keychain", k.Len())
	}
}

func TestDamagedVault(t *testing.T) {
	s := newPassphraseStore(t)
	info := generate(t, s, "a")
	break_ := func(path string, change func([]byte) []byte, want string) {
		t.Helper()
		whole, _ := os.ReadFile(path)
		os.WriteFile(path, change(bytes.Clone(whole)), 0o600)
		wantError(t, trySign(t.Context(), again(s), info, ""), want)
		os.WriteFile(path, whole, 0o600)
		mustSign(t, again(s), info)
	}
	cut := func(b []byte) []byte { return b[:len(b)-5] }
	break_(s.vault.config.recipientFile(), cut, "recipient is damaged")
	break_(s.vault.config.identityFile(), cut, "identity.age is damaged")
	other := newPassphraseStore(t)
	generate(t, other, "b")
	break_(s.vault.config.recipientFile(), func([]byte) []byte {
		line, _ := os.ReadFile(other.vault.config.recipientFile())
		return line
	}, "does not belong to")
}

// TestForeignSecret: the keychain's answer must not reach an error message.
func TestForeignSecret(t *testing.T) {
	s, k := newStore(t)
	info := generate(t, s, "a")
	k.Replace([]byte("AGE-SECRET-KEY-1BUTNOTQUITE"))
	err := trySign(t.Context(), again(s), info, "")
	wantError(t, err, "the keychain's entry for this vault is damaged")
	if strings.Contains(err.Error(), "NOTQUITE") {
		t.Errorf("the error shows the secret: %v", err)
	}
}
