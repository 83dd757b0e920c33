package pivtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"math/big"
	"slices"
)

var errKey = errors.New("pivtest: not a private key of that algorithm")

// generate is GENERATE ASYMMETRIC KEY PAIR (SP 800-73-5 part 2, section 3.3.2),
// with Yubico's policies AA and AB in the same template.
func (c *Card) generate(cmd command) ([]byte, int) {
	switch {
	case cmd.p1 != 0 || !c.isSlot(cmd.p2):
		return nil, swWrongP1P2
	case !c.session.admin:
		return nil, swNotAllowed
	}
	tag, template, _, ok := readTLV(cmd.data)
	if !ok || tag != 0xac {
		return nil, swWrongData
	}
	f, ok := fields(template)
	if !ok || len(f[0x80]) != 1 || !slices.Contains(c.character.Algorithms, f[0x80][0]) {
		return nil, swWrongData
	}
	policy, ok := c.policy(f)
	if !ok {
		return nil, swWrongData
	}
	private, err := generateKey(f[0x80][0])
	if err != nil || c.setKey(cmd.p2, private, policy, originGenerated) != nil {
		return nil, swFault
	}
	return tlv(0x7f49, publicObject(private.Public())), swOK
}

// policy reads the policies of GENERATE and IMPORT; only a YubiKey knows them.
func (c *Card) policy(f map[uint32][]byte) (Policy, bool) {
	pin, hasPIN := f[0xaa]
	touch, hasTouch := f[0xab]
	p := Policy{}
	if hasPIN {
		if len(pin) != 1 || pin[0] > PINAlways {
			return p, false
		}
		p.PIN = pin[0]
	}
	if hasTouch {
		if len(touch) != 1 || touch[0] > TouchCached {
			return p, false
		}
		p.Touch = touch[0]
	}
	return p, c.character.Yubico || !hasPIN && !hasTouch
}

func (c *Card) setKey(slot byte, private crypto.Signer, p Policy, origin byte) error {
	k, err := newSlotKey(slot, private, p, origin)
	if err == nil {
		c.state.Slots[slot] = k
	}
	return err
}

// importKey is Yubico's IMPORT ASYMMETRIC KEY.
func (c *Card) importKey(cmd command) ([]byte, int) {
	switch {
	case !c.session.admin:
		return nil, swNotAllowed
	case !c.isSlot(cmd.p2) || !slices.Contains(c.character.Algorithms, cmd.p1):
		return nil, swWrongP1P2
	}
	f, ok := fields(cmd.data)
	if !ok {
		return nil, swWrongData
	}
	policy, ok := c.policy(f)
	private, err := privateKey(cmd.p1, f)
	if !ok || err != nil {
		return nil, swWrongData
	}
	if err := c.setKey(cmd.p2, private, policy, originImported); err != nil {
		return nil, swWrongData
	}
	return nil, swOK
}

// privateKey makes a key of IMPORT's fields: 01 and 02 RSA's primes, 06 an EC
// scalar, 07 an Ed25519 seed.
func privateKey(alg byte, f map[uint32][]byte) (crypto.Signer, error) {
	switch alg {
	case AlgP256:
		return ecdsa.ParseRawPrivateKey(elliptic.P256(), f[0x06])
	case AlgP384:
		return ecdsa.ParseRawPrivateKey(elliptic.P384(), f[0x06])
	case AlgEd25519:
		if len(f[0x07]) != ed25519.SeedSize {
			return nil, errKey
		}
		return ed25519.NewKeyFromSeed(f[0x07]), nil
	}
	return rsaKey(f[0x01], f[0x02], rsaBits()[alg])
}

func rsaKey(p, q []byte, bits int) (*rsa.PrivateKey, error) {
	const exponent = 65537 // the only one that YubiKeys take
	P, Q, one := new(big.Int).SetBytes(p), new(big.Int).SetBytes(q), big.NewInt(1)
	n := new(big.Int).Mul(P, Q)
	if n.BitLen() != bits || bits == 0 {
		return nil, errKey
	}
	phi := new(big.Int).Mul(new(big.Int).Sub(P, one), new(big.Int).Sub(Q, one))
	d := new(big.Int).ModInverse(big.NewInt(exponent), phi)
	if d == nil {
		return nil, errKey
	}
	k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: exponent}, D: d, Primes: []*big.Int{P, Q}}
	k.Precompute()
	return k, k.Validate()
}
