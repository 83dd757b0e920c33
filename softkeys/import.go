package softkeys

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/youmark/pkcs8"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/agent/keys"
)

// maxImport bounds a private key file: RSA of 16384 bits takes 13 KiB.
const maxImport = 64 << 10

// What Import returns for the caller to ask (again) and repeat.
var (
	ErrPassphraseNeeded = errors.New("the private key is under a passphrase")
	ErrPassphraseWrong  = errors.New("the passphrase does not open the private key")
)

// Import seals a private key that another program wrote: OpenSSH's format,
// PKCS#8, PKCS#1 or SEC1, as PEM. passphrase opens an encrypted one and may be
// nil. The comment of "" is the name. The caller wipes file and passphrase.
func (s *Store) Import(ctx context.Context, name string, file, passphrase []byte, comment string) (keys.Info, error) {
	if comment == "" {
		comment = name
	}
	if err := s.mayAdd(name, comment, nil); err != nil {
		return keys.Info{}, err
	}
	private, err := parsePrivate(file, passphrase)
	if err != nil {
		return keys.Info{}, fmt.Errorf("softkeys: import %s: %w", name, err)
	}
	return s.add(ctx, name, private, comment)
}

func parsePrivate(file, passphrase []byte) (any, error) {
	if len(file) > maxImport {
		return nil, fmt.Errorf("a private key of %d bytes is refused: at most %d are read", len(file), maxImport)
	}
	block, err := privateBlock(file)
	if err != nil {
		return nil, err
	}
	defer clear(block.Bytes)
	if block.Type == encryptedPKCS8 {
		return openPKCS8(block.Bytes, passphrase)
	}
	alone := pem.EncodeToMemory(block)
	defer clear(alone)
	private, err := ssh.ParseRawPrivateKey(alone)
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		if len(passphrase) == 0 {
			return nil, ErrPassphraseNeeded
		}
		private, err = ssh.ParseRawPrivateKeyWithPassphrase(alone, passphrase)
		// Without a checksum ("DEK-Info"), a wrong passphrase looks like a damaged key.
		if errors.Is(err, x509.IncorrectPasswordError) || err != nil && block.Headers["DEK-Info"] != "" {
			return nil, ErrPassphraseWrong
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the file is cut off, damaged or of another kind: %w", err)
	}
	return private, nil
}

// encryptedPKCS8 is the PEM type of RFC 7468 section 11. x/crypto does not open it.
const encryptedPKCS8 = "ENCRYPTED PRIVATE KEY"

func openPKCS8(der, passphrase []byte) (any, error) {
	if len(passphrase) == 0 {
		return nil, ErrPassphraseNeeded
	}
	private, _, err := pkcs8.ParsePrivateKey(der, passphrase)
	switch {
	case err != nil && strings.Contains(err.Error(), "incorrect password"):
		return nil, ErrPassphraseWrong
	case err != nil:
		return nil, fmt.Errorf("the file is damaged or encrypted in a way that keybroker does not read: %w\n"+
			"let OpenSSH rewrite it in its own format first (it stays encrypted): ssh-keygen -p -f FILE", err)
	}
	return private, nil
}

// privateBlock finds the private key in the file: `openssl ecparam -genkey`
// writes the curve's parameters before it.
func privateBlock(file []byte) (*pem.Block, error) {
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, notPrivate(file)
		}
		switch {
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return block, nil
		}
	}
}

// notPrivate says what the file is instead.
func notPrivate(file []byte) error {
	file = bytes.TrimSpace(file)
	switch {
	case len(file) == 0:
		return errors.New("the file is empty")
	case bytes.HasPrefix(file, []byte("PuTTY-User-Key-File-")):
		return errors.New("the file is in PuTTY's format\nconvert it first: puttygen FILE -O private-openssh -o NEWFILE")
	case bytes.Contains(file, []byte("PRIVATE KEY-----")):
		return errors.New("the file is cut off or damaged: no line ends the private key that it begins")
	case bytes.HasPrefix(file, []byte("ssh-")), bytes.HasPrefix(file, []byte("ecdsa-")), bytes.Contains(file, []byte("PUBLIC KEY")):
		return errors.New("the file holds a public key\ngive the private one, without .pub in its name")
	}
	return errors.New("the file holds no private key in PEM form")
}
