package softkeys

import (
	"context"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"os"
	"slices"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// add seals a private key and writes its files. NAME.pub is written last, so
// that a listed key has its private half even after an interruption.
func (s *Store) add(ctx context.Context, name string, private any, comment string) (keys.Info, error) {
	signer, err := signerOf(private)
	if err != nil {
		return keys.Info{}, problem.WithDefault(fmt.Errorf("the private key is refused: %w", err), "give another private key file, or make a new key: keybroker keys generate NAME")
	}
	if err := s.checkAdd(name, comment, signer.PublicKey()); err != nil {
		return keys.Info{}, err
	}
	identity, err := s.vault.OpenOrCreate(ctx)
	if err != nil {
		return keys.Info{}, err
	}
	block, err := marshalPrivate(private, comment)
	if err != nil {
		return keys.Info{}, fmt.Errorf("seal the key: %w", err)
	}
	defer clear(block.Bytes)
	sealed, err := encrypt(identity.Recipient(), pem.EncodeToMemory(block)) // to the opened vault, never to a recipient read from a file
	if err != nil {
		return keys.Info{}, fmt.Errorf("seal the key: %w", err)
	}
	if err := s.write(name, signer.PublicKey(), comment, sealed, identity); err != nil {
		return keys.Info{}, fmt.Errorf("write the key %s: %w", name, err)
	}
	s.Load(name)
	return s.current().byName[name].info, nil
}

// checkAdd refuses before the person is asked for anything.
func (s *Store) checkAdd(name, comment string, pub ssh.PublicKey) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := pubformat.CheckComment(comment); err != nil {
		return err
	}
	if err := s.checkNameFree(name); err != nil {
		return err
	}
	if pub != nil {
		if e := s.reload().byBlob[string(pub.Marshal())]; e != nil {
			return problem.With(fmt.Errorf("this key: %w, under the name %s", ErrExists, e.info.Name),
				"use it under that name, or give it another: keybroker keys rename %s NEWNAME", e.info.Name)
		}
	}
	return nil
}

func (s *Store) checkNameFree(name string) error {
	for _, suffix := range []string{".pub", ".age", proofSuffix} {
		if _, err := os.Lstat(s.file(name, suffix)); err == nil {
			return problem.With(fmt.Errorf("the key %s: %w", name, ErrExists), "choose another name")
		}
	}
	return nil
}

// write writes the three files, reads them back, opens the key and signs with
// it. It removes the files if any of that fails.
func (s *Store) write(name string, pub ssh.PublicKey, comment string, sealed []byte, identity *age.X25519Identity) (err error) {
	line, err := pubformat.Marshal(pubformat.OpenSSH, pub, comment)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	code := proofKeyOf(identity).prove(facts{name, comment, pub.Marshal(), sha256.Sum256(sealed)})
	var written []string
	defer func() {
		if err != nil {
			for _, path := range slices.Backward(written) {
				os.Remove(path)
			}
			s.reload()
		}
	}()
	for _, file := range []struct {
		suffix  string
		content []byte
	}{{".age", sealed}, {proofSuffix, code}, {".pub", line}} {
		if err := platform.WriteNewFile(s.file(name, file.suffix), file.content, 0o600); err != nil {
			return err
		}
		written = append(written, s.file(name, file.suffix))
	}
	s.reload()
	return s.testStored(name, identity)
}

// testStored reads the key back from the disk, opens it and signs with it.
func (s *Store) testStored(name string, identity *age.X25519Identity) error {
	e := readEntry(s.dir, name, proofKeyOf(identity))
	if !e.proved {
		return fmt.Errorf("the files that were written cannot be read back: %s", e.damage)
	}
	sealed, err := readSealed(s.file(name, ".age"))
	if err != nil {
		return err
	}
	signer, err := openKey(sealed, e.blob, identity)
	if err != nil {
		return fmt.Errorf("the files that were written cannot be used: %s.age %w", name, err)
	}
	return checkSignature(signer, e.info.PublicKey)
}

// checkSignature makes a signature and verifies it with the public key as others read it.
func checkSignature(signer ssh.AlgorithmSigner, pub ssh.PublicKey) error {
	data := []byte("keybroker tries out a key that was sealed")
	algorithm := ""
	if pub.Type() == ssh.KeyAlgoRSA {
		algorithm = ssh.KeyAlgoRSASHA256
	}
	signature, err := sign(signer, data, algorithm)
	if err == nil {
		err = pub.Verify(data, signature)
	}
	if err != nil {
		return fmt.Errorf("the stored key made a signature that its public key does not verify: %w", err)
	}
	return nil
}
