package softkeys

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// certificateSuffix ends the name of a key's certificate. Another package lists
// certificates, but renaming or deleting a key includes its certificate.
const certificateSuffix = "-cert.pub"

func (s *Store) file(name, suffix string) string { return filepath.Join(s.dir, name+suffix) }

// Rename gives a key another name, and proves the key under it. Exactly one
// complete key is listed at every moment: an interruption can leave a spare
// sealed file at most. granted is called after all checks; its error cancels
// the renaming.
func (s *Store) Rename(ctx context.Context, old, new string, granted func(keys.Info) error) error {
	for _, name := range []string{old, new} {
		if err := CheckName(name); err != nil {
			return err
		}
	}
	if err := s.checkNameFree(new); err != nil {
		return err
	}
	e, identity, err := s.proved(ctx, "rename", old)
	if err != nil {
		return err
	}
	sealed, err := readSealed(s.file(old, ".age"))
	if err != nil {
		return s.fileError("rename", old, err)
	}
	if err := granted(e.info); err != nil {
		return err
	}
	code := proofKeyOf(identity).prove(facts{new, e.info.Comment, e.blob, sha256.Sum256(sealed)})
	return s.fileError("rename", old, s.move(old, new, sealed, code))
}

func (s *Store) move(old, new string, sealed, code []byte) error {
	defer s.reload()
	if err := platform.WriteNewFile(s.file(new, ".age"), sealed, 0o600); err != nil {
		return err
	}
	err := platform.WriteNewFile(s.file(new, proofSuffix), code, 0o600)
	if err == nil {
		if err = os.Rename(s.file(old, ".pub"), s.file(new, ".pub")); err == nil {
			return s.removeMoved(old, new)
		}
		os.Remove(s.file(new, proofSuffix))
	}
	os.Remove(s.file(new, ".age"))
	return err
}

// removeMoved removes the old name's remaining files and moves the certificate.
func (s *Store) removeMoved(old, new string) error {
	err := errors.Join(os.Remove(s.file(old, ".age")), os.Remove(s.file(old, proofSuffix)))
	if _, e := os.Lstat(s.file(old, certificateSuffix)); e == nil {
		err = errors.Join(err, os.Rename(s.file(old, certificateSuffix), s.file(new, certificateSuffix)))
	}
	return err
}

// proved opens the vault and returns the key of that name, if the vault proves it.
func (s *Store) proved(ctx context.Context, doing, name string) (*entry, *age.X25519Identity, error) {
	if s.reload().byName[name] == nil {
		return nil, nil, s.fileError(doing, name, fs.ErrNotExist)
	}
	identity, err := s.vault.Open(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	switch e := s.reload().byName[name]; {
	case e == nil:
		return nil, nil, s.fileError(doing, name, fs.ErrNotExist)
	case !e.proved:
		return nil, nil, e.error()
	default:
		return e, identity, nil
	}
}

// Delete removes a key's files, NAME.pub first, so that an interruption leaves
// no listed key that cannot sign. It does not overwrite them: on today's disks
// that guarantees nothing.
func (s *Store) Delete(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	errPub := os.Remove(s.file(name, ".pub"))
	if errPub != nil && !errors.Is(errPub, fs.ErrNotExist) {
		return s.fileError("remove", name, errPub)
	}
	err := os.Remove(s.file(name, ".age"))
	_ = os.Remove(s.file(name, proofSuffix)) // useless without the key
	_ = os.Remove(s.file(name, certificateSuffix))
	s.reload()
	if errPub == nil && errors.Is(err, fs.ErrNotExist) {
		return nil // only the public half existed
	}
	return s.fileError("remove", name, err)
}

// notSealed is keys.ErrNotFound in the words of the commands.
type notSealed struct{ name string }

func (n notSealed) Error() string { return fmt.Sprintf("there is no sealed key %.80q", n.name) }

func (notSealed) Is(target error) bool { return target == keys.ErrNotFound }

func noSealedKey(name string) error {
	return problem.With(notSealed{name}, "`keybroker keys list` shows the names")
}

func (s *Store) fileError(doing, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return noSealedKey(name)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", doing, name, err)
	}
	return nil
}

// Export returns the public half of a key after the vault has proved it: a
// program that can write files must not get its own key onto the user's hosts.
func (s *Store) Export(ctx context.Context, name string, format pubformat.Format) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	l := s.reload()
	e := l.byName[name]
	switch {
	case e == nil:
		return nil, s.fileError("export", name, fs.ErrNotExist)
	case e.damage != "":
		return nil, e.error()
	case !e.proved:
		var err error
		if e, _, err = s.proved(ctx, "export", name); err != nil {
			return nil, err
		}
	}
	return pubformat.Marshal(format, e.info.PublicKey, e.info.Comment)
}
