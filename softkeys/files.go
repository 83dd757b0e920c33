package softkeys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/softkeys/pubformat"
)

// certificateSuffix is that of the certificate that may lie beside a key. It is
// listed by another package, but goes where its key goes.
const certificateSuffix = "-cert.pub"

func (s *Store) file(name, suffix string) string { return filepath.Join(s.dir, name+suffix) }

// Rename gives a key another name. At every moment exactly one complete pair
// is listed: what an interruption can leave is a sealed file too many.
func (s *Store) Rename(old, new string) error {
	for _, name := range []string{old, new} {
		if err := CheckName(name); err != nil {
			return err
		}
	}
	if err := s.nameIsFree(new); err != nil {
		return err
	}
	sealed, err := readFile(s.file(old, ".age"), maxKeyFile)
	if err != nil {
		return s.fileError("rename", old, err)
	}
	if _, err := os.Lstat(s.file(old, ".pub")); err != nil {
		return s.fileError("rename", old, err)
	}
	if err := platform.WriteNewFile(s.file(new, ".age"), sealed, 0o600); err != nil {
		return s.fileError("rename", old, err)
	}
	if err := os.Rename(s.file(old, ".pub"), s.file(new, ".pub")); err != nil {
		os.Remove(s.file(new, ".age"))
		return s.fileError("rename", old, err)
	}
	err = os.Remove(s.file(old, ".age"))
	if _, e := os.Lstat(s.file(old, certificateSuffix)); e == nil {
		err = errors.Join(err, os.Rename(s.file(old, certificateSuffix), s.file(new, certificateSuffix)))
	}
	s.reload()
	return s.fileError("rename", old, err)
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
	_ = os.Remove(s.file(name, certificateSuffix)) // of no use without the key, and public
	s.reload()
	if errPub == nil && errors.Is(err, fs.ErrNotExist) {
		return nil // only half a key was there
	}
	return s.fileError("remove", name, err)
}

func (s *Store) fileError(doing, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("softkeys: %s %s: %w\n`keybroker keys list` shows the names", doing, name, keys.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("softkeys: %s %s: %w", doing, name, err)
	}
	return nil
}

// Export writes the public half of a key.
func (s *Store) Export(name string, format pubformat.Format) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	pub, comment, _, err := readPublic(s.file(name, ".pub"))
	if err != nil {
		return nil, fmt.Errorf("softkeys: export %s: %w\n`keybroker keys list` shows what can be exported", name, err)
	}
	return pubformat.Marshal(format, pub, comment)
}
