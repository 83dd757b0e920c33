package softkeys

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"filippo.io/age"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/secret"
	"github.com/keybroker/keybroker/problem"
)

// maxWorkFactor bounds how long a file can make scrypt run: 22, age's own limit,
// takes about 20 seconds.
const maxWorkFactor = 22

// stretch runs scrypt, one run at a time, and gives its memory back to the system: 256 MiB
// with DefaultWorkFactor. Left to the garbage collector, it was there twice.
func (v *Vault) stretch(run func() ([]byte, error)) ([]byte, error) {
	v.stretching.Lock()
	defer v.stretching.Unlock()
	defer debug.FreeOSMemory()
	return run()
}

func (v *Vault) encryptIdentity(identity *age.X25519Identity, passphrase []byte) ([]byte, error) {
	recipient, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, err
	}
	recipient.SetWorkFactor(cmp.Or(v.config.WorkFactor, DefaultWorkFactor))
	return v.stretch(func() ([]byte, error) { return encrypt(recipient, []byte(identity.String())) })
}

// equal compares two identities.
func equal(a, b *age.X25519Identity) (same bool) {
	secret.Do(func() { same = a.String() == b.String() })
	return same
}

func (v *Vault) readIdentity(passphrase []byte) (*age.X25519Identity, error) {
	if len(passphrase) == 0 {
		return nil, errWrongPassphrase
	}
	scrypt, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, err
	}
	scrypt.SetMaxWorkFactor(maxWorkFactor)
	sealed, err := platform.ReadPrivate(v.config.identityFile(), maxPublicFile)
	if err != nil {
		return nil, err
	}
	plain, err := v.stretch(func() ([]byte, error) { return decrypt(scrypt, sealed) })
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, errWrongPassphrase
	}
	var identity *age.X25519Identity
	if err == nil {
		defer clear(plain)
		if identity, err = age.ParseX25519Identity(string(plain)); err != nil {
			err = errors.New("it does not hold an identity") // age's error would quote it
		}
	}
	if err != nil {
		return nil, problem.With(fmt.Errorf("the file %s is damaged: %w", v.config.identityFile(), err), "restore it from a backup")
	}
	return identity, nil
}

func encrypt(recipient age.Recipient, plain []byte) ([]byte, error) {
	defer clear(plain)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, recipient)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return sealed.Bytes(), nil
}

// decrypt returns all of the plaintext or none: age authenticates it in chunks.
func decrypt(identity age.Identity, sealed []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), identity)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(sealed)) // large enough never to grow, which would leave copies
	n, err := io.ReadFull(r, plain)
	if err != io.ErrUnexpectedEOF {
		clear(plain)
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	return plain[:n], nil
}
