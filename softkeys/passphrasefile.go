package softkeys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/keybroker/keybroker/problem"
)

// maxPassphraseFile bounds the file: a passphrase is one line.
const maxPassphraseFile = 4 << 10

// readPassphraseFile reads the passphrase in a file, without the line end. It
// refuses a file that another user can read or write.
func readPassphraseFile(path string) ([]byte, error) {
	file, err := openNonblocking(path)
	if err != nil {
		return nil, fmt.Errorf("read the passphrase file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat() // of the opened file, which cannot be replaced
	if err != nil {
		return nil, fmt.Errorf("read the passphrase file: %w", err)
	}
	if err := checkPassphraseFile(info); err != nil {
		return nil, fmt.Errorf("the passphrase file %s is refused: %w", path, err)
	}
	content := make([]byte, maxPassphraseFile+1)
	n, err := io.ReadFull(file, content)
	if err != io.ErrUnexpectedEOF {
		clear(content)
		if err == nil || err == io.EOF {
			err = fmt.Errorf("it is empty or larger than %d bytes", maxPassphraseFile)
		}
		return nil, fmt.Errorf("read the passphrase file %s: %w", path, err)
	}
	passphrase := bytes.TrimSuffix(bytes.TrimSuffix(content[:n], []byte("\n")), []byte("\r"))
	if len(passphrase) == 0 {
		return nil, fmt.Errorf("read the passphrase file %s: its first line is empty", path)
	}
	return passphrase, nil
}

// CheckPassphraseFile returns what is wrong with the configured passphrase file,
// without reading the passphrase. It returns nil if there is none, or the vault
// does not need it.
func (v *Vault) CheckPassphraseFile() error {
	path := v.config.PassphraseFile
	if path == "" || v.Seal() == SealKeychain {
		return nil
	}
	file, err := openNonblocking(path)
	if err != nil {
		return problem.With(fmt.Errorf("the passphrase file cannot be read: %w", err), "put the vault's passphrase there, mode 0600, or take passphrase_file out of the configuration")
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil {
		err = checkPassphraseFile(info)
	}
	if err != nil {
		return fmt.Errorf("the passphrase file %s is refused: %w", path, err)
	}
	return nil
}

func checkPassphraseFile(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	return checkPrivate(info)
}
