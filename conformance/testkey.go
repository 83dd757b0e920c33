package conformance

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"slices"
	"sync"

	"golang.org/x/crypto/ssh"
)

// testComment is the comment of every key that a rule adds, so that people who find
// one know where it is from.
const testComment = "agentconform test key"

// testKey is a key pair that was made for the test.
type testKey struct {
	kind    string
	blob    []byte   // of the public key, or of the certificate
	private []byte   // the fields after the type, in an add request
	secrets [][]byte // what of it must not be shown
	signer  ssh.Signer
	public  ssh.PublicKey // verifies its signatures
}

// add is the request to add the key. With constraints, even none, it is number 25.
func (k testKey) add(constraints ...[]byte) []byte {
	return k.addWith(testComment, constraints...)
}

func (k testKey) addWith(comment string, constraints ...[]byte) []byte {
	number := byte(addIdentity)
	if constraints != nil {
		number = addConstrained
	}
	return message(number, str(k.kind), k.private, str(comment), slices.Concat(constraints...))
}

// sign is the request for a signature over data.
func (k testKey) sign(data []byte, flags uint32) []byte {
	return message(signRequest, str(k.blob), str(data), u32(flags))
}

func (k testKey) remove() []byte { return message(removeIdentity, str(k.blob)) }

// rsaBits is the size of RSA keys: what ssh-keygen makes.
const rsaBits = 3072

// newKey makes a key of one of the kinds of sections 5.2.2 to 5.2.4.
func newKey(kind string) testKey {
	switch kind {
	case ssh.KeyAlgoRSA:
		return rsaTestKey()
	case ssh.KeyAlgoECDSA256:
		return ecdsaTestKey(elliptic.P256(), "nistp256")
	case ssh.KeyAlgoECDSA384:
		return ecdsaTestKey(elliptic.P384(), "nistp384")
	case ssh.KeyAlgoECDSA521:
		return ecdsaTestKey(elliptic.P521(), "nistp521")
	default:
		return ed25519TestKey()
	}
}

func ed25519TestKey() testKey {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(err)
	k := keyOf(private)
	k.private = slices.Concat(str(public), str(private))
	k.secrets = [][]byte{private[:ed25519.SeedSize]}
	return k
}

func ecdsaTestKey(curve elliptic.Curve, name string) testKey {
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	must(err)
	point, err := private.PublicKey.Bytes()
	must(err)
	scalar, err := private.Bytes()
	must(err)
	k := keyOf(private)
	k.private = slices.Concat(str(name), str(point), mpint(new(big.Int).SetBytes(scalar)))
	k.secrets = [][]byte{bytes.TrimLeft(scalar, "\x00")}
	return k
}

// rsaOnce makes one RSA key for the run: it takes a second.
var rsaOnce = sync.OnceValue(func() *rsa.PrivateKey {
	private, err := rsa.GenerateKey(rand.Reader, rsaBits)
	must(err)
	return private
})

func rsaTestKey() testKey {
	private := rsaOnce()
	k := keyOf(private)
	k.private = slices.Concat(mpint(private.N), u32(3), []byte{1, 0, 1}, mpint(private.D), mpint(private.Precomputed.Qinv), mpint(private.Primes[0]), mpint(private.Primes[1]))
	k.secrets = [][]byte{private.D.Bytes(), private.Precomputed.Qinv.Bytes(), private.Primes[0].Bytes(), private.Primes[1].Bytes()}
	return k
}

func keyOf(private crypto.Signer) testKey {
	signer, err := ssh.NewSignerFromKey(private)
	must(err)
	return testKey{kind: signer.PublicKey().Type(), blob: signer.PublicKey().Marshal(), signer: signer, public: signer.PublicKey()}
}

// must is for what cannot fail: making keys of sizes that exist.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
