package pivtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/big"
)

// Algorithms (SP 800-78-5, table 9; the last two RSA and Ed25519 are Yubico's, 5.7).
const (
	Alg3DES    = 0x03
	AlgAES128  = 0x08
	AlgAES192  = 0x0a
	AlgAES256  = 0x0c
	AlgRSA1024 = 0x06
	AlgRSA2048 = 0x07
	AlgRSA3072 = 0x05
	AlgRSA4096 = 0x16
	AlgP256    = 0x11
	AlgP384    = 0x14
	AlgEd25519 = 0xe0
)

// PIN and touch policies (Yubico's tags AA and AB).
const (
	PINNever    = 1
	PINOnce     = 2
	PINAlways   = 3
	TouchNever  = 1
	TouchAlways = 2
	TouchCached = 3
)

// Where a key came from.
const (
	originGenerated = 1
	originImported  = 2
)

// slotAttestation holds Yubico's attestation key.
const slotAttestation = 0xf9

// slotKey is the key of one slot.
type slotKey struct {
	Algorithm byte
	PIN       byte // policy
	Touch     byte // policy
	Origin    byte
	PKCS8     []byte

	private crypto.Signer
}

// newSlotKey wraps a private key with the policies; 0 stands for the slot's own.
func newSlotKey(slot byte, private crypto.Signer, p Policy, origin byte) (*slotKey, error) {
	alg, err := algorithmOf(private.Public())
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	k := &slotKey{Algorithm: alg, PIN: p.PIN, Touch: p.Touch, Origin: origin, PKCS8: der, private: private}
	if k.PIN == 0 {
		k.PIN = defaultPIN(slot)
	}
	if k.Touch == 0 {
		k.Touch = TouchNever
	}
	return k, nil
}

// defaultPIN is the standard's access rule for the slot (part 1, table 5).
func defaultPIN(slot byte) byte {
	switch slot {
	case 0x9c:
		return PINAlways
	case 0x9e:
		return PINNever
	}
	return PINOnce
}

// isSlot tells whether the card has this slot for asymmetric keys.
func (c *Card) isSlot(slot byte) bool {
	return certificateObject(slot) != 0 && (slot != slotAttestation || c.character.Yubico)
}

func algorithmOf(public crypto.PublicKey) (byte, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		for alg, bits := range rsaBits() {
			if bits == k.N.BitLen() {
				return alg, nil
			}
		}
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return AlgP256, nil
		case elliptic.P384():
			return AlgP384, nil
		}
	case ed25519.PublicKey:
		return AlgEd25519, nil
	}
	return 0, fmt.Errorf("pivtest: no PIV algorithm for this %T", public)
}

func rsaBits() map[byte]int {
	return map[byte]int{AlgRSA1024: 1024, AlgRSA2048: 2048, AlgRSA3072: 3072, AlgRSA4096: 4096}
}

func generateKey(alg byte) (crypto.Signer, error) {
	switch alg {
	case AlgP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case AlgP384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case AlgEd25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	if bits := rsaBits()[alg]; bits != 0 {
		return rsa.GenerateKey(rand.Reader, bits)
	}
	return nil, fmt.Errorf("pivtest: no key of algorithm %02x", alg)
}

// publicObject is a public key as the card tells it (part 2, table 11), without the tag 7F49.
func publicObject(public crypto.PublicKey) []byte {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return append(tlv(0x81, k.N.Bytes()), tlv(0x82, big.NewInt(int64(k.E)).Bytes())...)
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			return nil
		}
		return tlv(0x86, point)
	case ed25519.PublicKey:
		return tlv(0x86, k)
	}
	return nil
}
