package softkeys

import (
	"bytes"
	"context"
	"crypto/fips140"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
)

const testPassphrase = "correct horse"

// testWorkFactor makes scrypt fast.
const testWorkFactor = 4

// newStore is a store whose vault lies in a fake keychain.
func newStore(t testing.TB) (*Store, *softkeystest.Keychain) {
	t.Helper()
	k := softkeystest.New()
	return NewStore(Config{Dir: t.TempDir(), Keychain: k}), k
}

// newPassphraseStore is a store whose vault is under testPassphrase, which
// nobody mistypes.
func newPassphraseStore(t testing.TB) *Store {
	t.Helper()
	return NewStore(Config{
		Dir: t.TempDir(), Seal: SealPassphrase, WorkFactor: testWorkFactor, Person: answer(testPassphrase),
	})
}

// answer types the answers in turn, the last one for ever.
func answer(answers ...string) keys.Person {
	return keystest.Asked(func(context.Context, keys.Question) ([]byte, error) {
		next := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		return []byte(next), nil
	})
}

// again is the same directory as another process sees it.
func again(s *Store) *Store { return NewStore(s.vault.config) }

func generate(t testing.TB, s *Store, name string) keys.Info {
	t.Helper()
	info, err := s.Generate(t.Context(), name, KeySpec{}, "")
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func trySign(ctx context.Context, source keys.Source, info keys.Info, algorithm string) error {
	data := []byte("data to be signed")
	signature, err := source.Sign(ctx, &keys.Use{Key: info}, data, algorithm)
	if err != nil {
		return err
	}
	pub := info.PublicKey
	if cert, ok := pub.(*ssh.Certificate); ok {
		pub = cert.Key
	}
	if algorithm != "" && signature.Format != strings.TrimSuffix(algorithm, "-cert-v01@openssh.com") {
		return errors.New("the signature is a " + signature.Format)
	}
	return pub.Verify(data, signature)
}

func mustSign(t testing.TB, source keys.Source, info keys.Info) {
	t.Helper()
	algorithm := ""
	if info.PublicKey.Type() == ssh.KeyAlgoRSA {
		algorithm = ssh.KeyAlgoRSASHA256
	}
	if err := trySign(t.Context(), source, info, algorithm); err != nil {
		t.Fatalf("sign with %s: %v", info.Name, err)
	}
}

// refusedByFIPS reports whether x/crypto refuses the algorithm as these tests are run.
func refusedByFIPS(algorithm string) bool { return algorithm == ssh.KeyAlgoRSA && fips140.Enabled() }

// wantError checks the reason of a refusal.
func wantError(t testing.TB, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(platform.Text(err), want) {
		t.Errorf("got the error %v, want one with %q", err, want)
	}
}

// listed returns "name" or "name:state" of all listed keys.
func listed(s *Store) string {
	var out []string
	for _, info := range s.List() {
		if info.State != "" {
			info.Name += ":" + info.State
		}
		out = append(out, info.Name)
	}
	return strings.Join(out, " ")
}

func wantListed(t testing.TB, s *Store, want string) {
	t.Helper()
	if got := listed(s); got != want {
		t.Errorf("listed %q, want %q", got, want)
	}
}

// settle makes the directory look as if it had been quiet for a while, so that
// the listing is kept until the time stamp changes.
func settle(t testing.TB, s *Store) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(s.dir, old, old); err != nil {
		t.Fatal(err)
	}
	s.Refresh()
}

// wantNotOnDisk looks for secrets in every file below dir, as they are and in
// the forms that files keep them in.
func wantNotOnDisk(t testing.TB, dir string, secrets ...[]byte) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		for _, secret := range secrets {
			if bytes.Contains(content, secret) {
				t.Errorf("%s holds %q", path, secret)
			}
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("looked at %d files: %v", files, err)
	}
}
