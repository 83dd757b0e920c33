package softkeys

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
)

// maxImport bounds a private key file: RSA of 16384 bits takes 13 KiB.
const maxImport = 64 << 10

// Why a private key file cannot be read. The caller may ask for a passphrase.
var (
	ErrPassphraseNeeded = errors.New("the private key is encrypted with a passphrase")
	ErrPassphraseWrong  = errors.New("the passphrase does not open the private key")
	ErrNotPrivate       = errors.New("there is no private key in it") // so that ssh-add cannot read it either
)

// Private is a private key that was read from a file. It is a secret.
type Private struct {
	Key     any    // as ssh.ParseRawPrivateKey returns it, or a *publickey.CompositeSigner
	Comment string // "" if the file has none
}

// UnsupportedError means that a file seems to hold a private key in a form that
// this package does not read. ssh-add may read it.
type UnsupportedError struct {
	What string // "it is encrypted with aes128-gcm@openssh.com"
	Err  error  // may be nil
}

func (e *UnsupportedError) Error() string {
	if e.Err == nil {
		return e.What
	}
	return e.What + ": " + e.Err.Error()
}

func (e *UnsupportedError) Unwrap() error { return e.Err }

// Import seals a private key. An empty comment becomes the name.
func (s *Store) Import(ctx context.Context, name string, private Private) (keys.Info, error) {
	comment := cmp.Or(private.Comment, name)
	if err := s.checkAdd(name, comment, nil); err != nil {
		return keys.Info{}, err
	}
	return s.add(ctx, name, private.Key, comment)
}

// ParsePrivate reads a private key file: OpenSSH's format, PKCS#8, PKCS#1 or
// SEC1 in PEM, or PuTTY's. passphrase opens an encrypted one and may be nil. A
// file that no passphrase can open is an UnsupportedError even then. The caller
// wipes both.
func ParsePrivate(file, passphrase []byte) (Private, error) {
	if len(file) > maxImport {
		return Private{}, fmt.Errorf("%w: it is larger than %d bytes", ErrNotPrivate, maxImport)
	}
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	if isPutty(file) {
		return parsePutty(file, passphrase)
	}
	block, err := privateBlock(file)
	if err != nil {
		return Private{}, err
	}
	defer clear(block.Bytes)
	private, err := parseBlock(block, passphrase)
	if err != nil {
		return Private{}, err
	}
	if err := checkType(private.Key); err != nil {
		return Private{}, err
	}
	return private, nil
}

func parseBlock(block *pem.Block, passphrase []byte) (Private, error) {
	switch {
	case block.Type == encryptedPKCS8:
		key, err := openPKCS8(block.Bytes, passphrase)
		return Private{Key: key}, err
	case block.Type == opensshType:
		return parseOpenSSH(block, passphrase)
	case block.Headers["DEK-Info"] != "":
		if err := checkDEK(block); err != nil {
			return Private{}, err
		}
	default:
		if err := checkBlock(block); err != nil {
			return Private{}, err
		}
	}
	single := pem.EncodeToMemory(block)
	defer clear(single)
	key, err := parsePEM(single, passphrase, block.Headers["DEK-Info"] != "")
	return Private{Key: key}, err
}

// parseOpenSSH decrypts the file first, so that its comment can be read.
func parseOpenSSH(block *pem.Block, passphrase []byte) (Private, error) {
	file, err := checkOpenSSH(block.Bytes)
	if err != nil {
		return Private{}, err
	}
	var plain []byte
	switch {
	case file.Cipher == "none":
		plain = pem.EncodeToMemory(block)
	case len(passphrase) == 0:
		return Private{}, ErrPassphraseNeeded
	default:
		if plain, err = file.decrypt(passphrase); err != nil {
			return Private{}, err
		}
	}
	defer clear(plain)
	key, err := parsePEM(plain, nil, false)
	if err != nil {
		return Private{}, err
	}
	return Private{key, opensshComment(plain)}, nil
}

func parsePEM(file, passphrase []byte, unchecked bool) (any, error) {
	key, err := parseRaw(file)
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		if len(passphrase) == 0 {
			return nil, ErrPassphraseNeeded
		}
		key, err = ssh.ParseRawPrivateKeyWithPassphrase(file, passphrase)
		// Without a checksum ("DEK-Info"), a wrong passphrase looks like a damaged key.
		if errors.Is(err, x509.IncorrectPasswordError) || err != nil && unchecked {
			return nil, cmp.Or(checkEncrypted(file, passphrase), ErrPassphraseWrong)
		}
	}
	if err != nil {
		return nil, &UnsupportedError{"it is damaged, or in a form that keybroker does not read", err}
	}
	return key, nil
}

// checkOpenSSH refuses an unsupported file before the person is asked for its passphrase.
func checkOpenSSH(block []byte) (opensshFile, error) {
	file, ok := readOpenSSH(block)
	switch {
	case !ok:
		return file, errDamagedOpenSSH
	case file.keyType() == ssh.KeyAlgoSKED25519 || file.keyType() == ssh.KeyAlgoSKECDSA256:
		return file, problem.With(fmt.Errorf("%w: it is the handle of a FIDO2 security key, whose private key never leaves the device", ErrNotPrivate), "add it to the running broker: ssh-add FILE")
	case file.Cipher != "none":
		if err := file.checkEncryption(); err != nil {
			return file, err
		}
	}
	return file, checkBlob(file.Public)
}

// dekCiphers are those of crypto/x509.
var dekCiphers = []string{"DES-CBC", "DES-EDE3-CBC", "AES-128-CBC", "AES-192-CBC", "AES-256-CBC"}

func checkDEK(block *pem.Block) error {
	name, _, _ := strings.Cut(block.Headers["DEK-Info"], ",")
	for _, known := range dekCiphers {
		if name == known {
			return nil
		}
	}
	return &UnsupportedError{What: fmt.Sprintf("it is encrypted with %.60q", name)}
}

// privateBlock finds the private key in the file: `openssl ecparam -genkey`
// writes the curve's parameters before it.
func privateBlock(file []byte) (*pem.Block, error) {
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, notPrivate(file)
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block, nil
		}
	}
}

// Public is the public half.
func (p Private) Public() (ssh.PublicKey, error) {
	signer, err := signerOf(p.Key)
	if err != nil {
		return nil, err
	}
	return signer.PublicKey(), nil
}
