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

// certificateSuffix is that of the certificate that may lie beside a key. It is
// listed by another package, but goes where its key goes.
const certificateSuffix = "-cert.pub"

func (s *Store) file(name, suffix string) string { return filepath.Join(s.dir, name+suffix) }

// Rename gives a key another name, under which the opened vault proves it from
// then on. At every moment exactly one complete key is listed: what an
// interruption can leave is a sealed file too many. granted is called once all
// is known to be in order; its error stops the renaming.
func (s *Store) Rename(ctx context.Context, old, new string, granted func(keys.Info) error) error {
	for _, name := range []string{old, new} {
		if err := CheckName(name); err != nil {
			return err
		}
	}
	if err := s.nameIsFree(new); err != nil {
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

// removeMoved takes away what is left under the old name.
func (s *Store) removeMoved(old, new string) error {
	err := errors.Join(os.Remove(s.file(old, ".age")), os.Remove(s.file(old, proofSuffix)))
	if _, e := os.Lstat(s.file(old, certificateSuffix)); e == nil {
		err = errors.Join(err, os.Rename(s.file(old, certificateSuffix), s.file(new, certificateSuffix)))
	}
	return err
}

// proved opens the vault, and returns the key of a name if it is what it says.
func (s *Store) proved(ctx context.Context, doing, name string) (*entry, *age.X25519Identity, error) {
	if s.reload().find(name) == nil {
		return nil, nil, s.fileError(doing, name, fs.ErrNotExist)
	}
	identity, err := s.vault.Open(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	switch e := s.reload().find(name); {
	case e == nil:
		return nil, nil, s.fileError(doing, name, fs.ErrNotExist)
	case !e.proved:
		return nil, nil, e.error()
	default:
		return e, identity, nil
	}
}

// Delete removes a key's files, NAME.pub first, so that an interruption leaves
// no key that is listed and cannot sign. It does not overwrite them: on
// today's disks that promises nothing.
func (s *Store) Delete(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	errPub := os.Remove(s.file(name, ".pub"))
	if errPub != nil && !errors.Is(errPub, fs.ErrNotExist) {
		return s.fileError("remove", name, errPub)
	}
	err := os.Remove(s.file(name, ".age"))
	_ = os.Remove(s.file(name, proofSuffix)) // of no use without the key
	_ = os.Remove(s.file(name, certificateSuffix))
	s.reload()
	if errPub == nil && errors.Is(err, fs.ErrNotExist) {
		return nil // only half a key was there
	}
	return s.fileError("remove", name, err)
}

func (s *Store) fileError(doing, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return problem.With(fmt.Errorf("%s %s: %w", doing, name, keys.ErrNotFound), "`keybroker keys list` shows the names")
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", doing, name, err)
	}
	return nil
}

// Export writes the public half of a key, which the opened vault proves: a
// program that writes files must not have its own key put on the user's hosts.
func (s *Store) Export(ctx context.Context, name string, format pubformat.Format) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	l := s.reload()
	e := l.find(name)
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
