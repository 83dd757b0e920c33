package softkeys

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
)

// ErrSpec means that this kind of key cannot be made.
var ErrSpec = problem.New("cannot be made", "use ed25519, mldsa44-ed25519, ecdsa with 256, 384 or 521 bits, or rsa with 3072 or 4096")

// KeySpec is the kind of a new key.
type KeySpec struct {
	Type string // "ed25519" (or ""), "ecdsa", "rsa", "mldsa44-ed25519"
	Bits int    // ecdsa: 256 (or 0), 384, 521; rsa: 3072 (or 0), 4096
}

// Generate makes a key and seals it. An empty comment becomes the name. The
// first key creates the vault, which may ask the person.
func (s *Store) Generate(ctx context.Context, name string, spec KeySpec, comment string) (keys.Info, error) {
	if comment == "" {
		comment = name
	}
	if err := s.checkAdd(name, comment, nil); err != nil { // before spending seconds on an RSA key
		return keys.Info{}, err
	}
	private, err := spec.generate()
	if err != nil {
		return keys.Info{}, err
	}
	return s.add(ctx, name, private, comment)
}

// generate makes only keys that are strong today: RSA under 3072 bits is below
// the 128-bit strength of the others, and above 4096 it only gets slower.
func (k KeySpec) generate() (any, error) {
	switch k {
	case KeySpec{}, KeySpec{Type: "ed25519"}, KeySpec{"ed25519", 256}:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case KeySpec{Type: "ecdsa"}, KeySpec{"ecdsa", 256}:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case KeySpec{"ecdsa", 384}:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case KeySpec{"ecdsa", 521}:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case KeySpec{Type: "rsa"}, KeySpec{"rsa", 3072}:
		return rsa.GenerateKey(rand.Reader, 3072)
	case KeySpec{"rsa", 4096}:
		return rsa.GenerateKey(rand.Reader, 4096)
	case KeySpec{Type: "mldsa44-ed25519"}:
		return generateComposite()
	}
	return nil, fmt.Errorf("a key of type %q with %d bits %w", k.Type, k.Bits, ErrSpec)
}
