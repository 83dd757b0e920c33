package softkeys

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"os"

	"filippo.io/age"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Repair rewrites NAME.pub and NAME.mac from the sealed key. If NAME.mac does not
// prove that the sealed key had this name, proved is false and granted must ask
// the person. granted also writes the audit record; its error cancels the repair.
func (s *Store) Repair(ctx context.Context, name string, granted func(info keys.Info, proved bool) error) error {
	if err := CheckName(name); err != nil {
		return err
	}
	sealed, err := readSealed(s.file(name, ".age"))
	if os.IsNotExist(err) {
		return s.fileError("repair", name, err)
	}
	if err != nil {
		return problem.With(fmt.Errorf("repair %s: %s", name, plain(err, s.file(name, ".age"))), "%s", cmp.Or(problem.Remedy(err), keepFiles))
	}
	identity, err := s.vault.Open(ctx, nil)
	if err != nil {
		return err
	}
	info, err := sealedInfo(sealed, identity)
	if err != nil {
		return problem.With(fmt.Errorf("repair %s: %s.age %w", name, name, err), "%s", keepFiles)
	}
	info.Name, info.Source = name, sourceName
	key, f := proofKeyOf(identity), facts{name, info.Comment, info.Blob, sha256.Sum256(sealed)}
	if err := granted(info, key.holds(s.proofOf(name), f)); err != nil {
		return err
	}
	defer s.reload()
	line, err := pubformat.Marshal(pubformat.OpenSSH, info.PublicKey, info.Comment)
	if err == nil {
		err = platform.WriteFileAtomic(s.file(name, proofSuffix), key.prove(f), 0o600)
	}
	if err == nil {
		err = platform.WriteFileAtomic(s.file(name, ".pub"), line, 0o600)
	}
	if err == nil {
		err = s.testStored(name, identity)
	}
	return s.fileError("repair", name, err)
}

// proofOf reads NAME.mac; it returns the zero proof if there is none.
func (s *Store) proofOf(name string) proof {
	line, err := platform.ReadTrusted(s.file(name, proofSuffix), maxProofFile)
	if err != nil {
		return proof{}
	}
	p, _ := parseProof(line)
	return p
}

// sealedInfo is the public half of a sealed key, with its comment.
func sealedInfo(sealed []byte, identity age.Identity) (keys.Info, error) {
	file, err := decryptKey(sealed, identity)
	if err != nil {
		return keys.Info{}, err
	}
	defer clear(file)
	private, err := parseRaw(file)
	if err != nil {
		return keys.Info{}, contentError("does not hold a private key")
	}
	signer, err := signerOf(private)
	if err != nil {
		return keys.Info{}, fmt.Errorf("does not hold a sound key: %w", err)
	}
	return keys.NewInfo(signer.PublicKey(), opensshComment(file)), nil
}
