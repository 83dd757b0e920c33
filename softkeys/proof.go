package softkeys

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"filippo.io/age"
	"github.com/keybroker/keybroker/platform/secret"
	"golang.org/x/crypto/ssh"
)

// Rules, prompts and hosts know a key by its name, comment and public half.
// These are stored unencrypted, and every program of the user can change them.
// So a third file, NAME.mac, holds an authentication code over all of them and
// the sealed key. The vault's secret yields the code's key:
//
//	1 NAME BASE64
//
// The code's key decrypts nothing. It stays in memory after the vault is closed,
// so that the listed keys stay proved.

const (
	proofSuffix  = ".mac"
	proofVersion = "1"
	proofLabel   = "keybroker: name, comment, public and sealed key, 1"
)

// proofKey makes and checks the codes.
type proofKey [sha256.Size]byte

func proofKeyOf(identity *age.X25519Identity) *proofKey {
	key := new(proofKey)
	secret.Do(func() {
		derived, err := hkdf.Key(sha256.New, []byte(identity.String()), nil, proofLabel, sha256.Size)
		if err != nil {
			panic(err) // impossible: the length is valid
		}
		copy(key[:], derived)
	})
	return key
}

// facts is what the code covers: the contents of a key's files, and their name.
type facts struct {
	name, comment string
	blob          []byte // the public key (RFC 4253 section 6.6)
	sealed        [sha256.Size]byte
}

func (k *proofKey) code(f facts) []byte {
	mac := hmac.New(sha256.New, k[:])
	mac.Write(ssh.Marshal(struct {
		Label, Name, Comment string
		Blob, Sealed         []byte
	}{proofLabel, f.name, f.comment, f.blob, f.sealed[:]}))
	return mac.Sum(nil)
}

// proof is the contents of NAME.mac.
type proof struct {
	name string // of the key that it was made for
	code []byte
}

func (k *proofKey) prove(f facts) []byte {
	return fmt.Appendf(nil, "%s %s %s\n", proofVersion, f.name, base64.StdEncoding.EncodeToString(k.code(f)))
}

func parseProof(line []byte) (proof, error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 || string(fields[0]) != proofVersion || CheckName(string(fields[1])) != nil {
		return proof{}, contentError("is not an authentication code")
	}
	code, err := base64.StdEncoding.DecodeString(string(fields[2]))
	if err != nil || len(code) != sha256.Size {
		return proof{}, contentError("is not an authentication code")
	}
	return proof{string(fields[1]), code}, nil
}

// holds reports whether this vault made p for f.
func (k *proofKey) holds(p proof, f facts) bool {
	return p.name == f.name && hmac.Equal(p.code, k.code(f))
}
