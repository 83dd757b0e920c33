package certificates

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Attach writes a certificate for key, in place of an earlier one, and returns
// the path of its file. sealed says whether key is in the directory of sealed
// keys.
func (s *Source) Attach(cert ssh.PublicKey, key keys.Info, sealed bool) (string, error) {
	if certified := publickey.Certified(cert); !bytes.Equal(certified.Marshal(), key.Blob) {
		return "", problem.With(fmt.Errorf("the certificate is for another key: for %s, but %q is %s", ssh.FingerprintSHA256(certified), key.Name, key.Fingerprint), "ask for a certificate of this key")
	}
	info := keys.NewInfo(cert, "")
	if until := info.ValidUntil(); !until.IsZero() && !s.config.Now().Before(until) {
		return "", problem.With(fmt.Errorf("the certificate %s", info.WhyNotValid(s.config.Now())), "ask for a new one")
	}
	line, err := pubformat.Marshal(pubformat.OpenSSH, cert, "")
	if err != nil {
		return "", err
	}
	path := s.pathFor(key, sealed)
	err = os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = platform.WriteFileAtomic(path, line, 0o600)
	}
	if err != nil {
		return "", err
	}
	return path, nil
}

// pathFor names the file after a sealed key. The name of any other key may be
// empty or unfit for a file, so its digest is used.
func (s *Source) pathFor(key keys.Info, sealed bool) string {
	if sealed {
		return filepath.Join(s.config.SealedKeys, key.Name+suffix)
	}
	const hexBytes = 8 // of a digest: enough to tell a person's keys apart
	digest := sha256.Sum256(key.Blob)
	return filepath.Join(s.config.Dir, fmt.Sprintf("%s-%x%s", key.Source, digest[:hexBytes], suffix))
}
