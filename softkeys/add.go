package softkeys

import (
	"context"
	"encoding/pem"
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/softkeys/pubformat"
)

// add seals a private key and puts it beside its public half. NAME.pub comes
// last: whatever interrupts it, a listed key has its private half.
func (s *Store) add(ctx context.Context, name string, private any, comment string) (keys.Info, error) {
	signer, err := signerOf(private)
	if err != nil {
		return keys.Info{}, fmt.Errorf("softkeys: the private key is refused: %w", err)
	}
	if err := s.mayAdd(name, comment, signer.PublicKey()); err != nil {
		return keys.Info{}, err
	}
	recipient, err := s.vault.Recipient(ctx)
	if err != nil {
		return keys.Info{}, err
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return keys.Info{}, fmt.Errorf("softkeys: seal the key: %w", err)
	}
	defer clear(block.Bytes)
	sealed, err := encrypt(recipient, pem.EncodeToMemory(block))
	if err != nil {
		return keys.Info{}, fmt.Errorf("softkeys: seal the key: %w", err)
	}
	return s.write(name, signer.PublicKey(), comment, sealed)
}

// mayAdd refuses early, before anybody is asked for anything.
func (s *Store) mayAdd(name, comment string, pub ssh.PublicKey) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := pubformat.CheckComment(comment); err != nil {
		return fmt.Errorf("softkeys: %w", err)
	}
	if err := s.nameIsFree(name); err != nil {
		return err
	}
	if pub != nil {
		if e := s.reload().byBlob[string(pub.Marshal())]; e != nil {
			return fmt.Errorf("softkeys: this key: %w, under the name %s", ErrExists, e.info.Name)
		}
	}
	return nil
}

func (s *Store) nameIsFree(name string) error {
	for _, suffix := range []string{".pub", ".age"} {
		if _, err := os.Lstat(s.file(name, suffix)); err == nil {
			return fmt.Errorf("softkeys: the key %s: %w\nchoose another name, or remove it with `keybroker keys remove %s`", name, ErrExists, name)
		}
	}
	return nil
}

func (s *Store) write(name string, pub ssh.PublicKey, comment string, sealed []byte) (keys.Info, error) {
	line, err := pubformat.Marshal(pubformat.OpenSSH, pub, comment)
	if err != nil {
		return keys.Info{}, err
	}
	err = os.MkdirAll(s.dir, 0o700)
	if err == nil {
		err = platform.WriteNewFile(s.file(name, ".age"), sealed, 0o600)
	}
	if err == nil {
		if err = platform.WriteNewFile(s.file(name, ".pub"), line, 0o600); err != nil {
			os.Remove(s.file(name, ".age"))
		}
	}
	if err != nil {
		return keys.Info{}, fmt.Errorf("softkeys: write the key %s: %w", name, err)
	}
	s.reload()
	s.Load(name)
	info, _ := s.Find(pub.Marshal())
	return info, nil
}
