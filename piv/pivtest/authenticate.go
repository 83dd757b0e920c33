package pivtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/subtle"
)

// slotManagement is the card management key.
const slotManagement = 0x9b

// managementKey is 9B: a symmetric key.
type managementKey struct {
	Algorithm byte
	Key       []byte
	Touch     byte // policy
	Default   bool
}

// DefaultManagementKey is what YubiKeys come with, and our government card too.
func DefaultManagementKey() []byte {
	var key []byte
	for range 3 {
		key = append(key, 1, 2, 3, 4, 5, 6, 7, 8)
	}
	return key
}

// keyBytes is the length of a symmetric key; 0: no such algorithm.
func keyBytes(alg byte) int {
	return map[byte]int{Alg3DES: 24, AlgAES128: 16, AlgAES192: 24, AlgAES256: 32}[alg]
}

func (k managementKey) block() (cipher.Block, error) {
	if k.Algorithm == Alg3DES {
		return des.NewTripleDESCipher(k.Key)
	}
	return aes.NewCipher(k.Key)
}

// authenticate is GENERAL AUTHENTICATE (SP 800-73-5 part 2, section 3.2.4).
func (c *Card) authenticate(cmd command) ([]byte, int) {
	tag, template, rest, ok := readTLV(cmd.data)
	if !ok || tag != 0x7c || len(rest) > 0 {
		return nil, swWrongData
	}
	f, ok := fields(template)
	if !ok {
		return nil, swWrongData
	}
	if cmd.p2 == slotManagement {
		return c.authenticateManager(cmd.p1, f)
	}
	return c.usePrivateKey(cmd, f)
}

// authenticateManager proves the management key to the card: by the card's
// challenge (81, then 82), or mutually by a witness (80, then 80 and 81). Part
// 1, appendix A.1.
func (c *Card) authenticateManager(alg byte, f map[uint32][]byte) ([]byte, int) {
	key := c.state.Management
	if alg == 0 {
		alg = Alg3DES
	}
	block, err := key.block()
	if err != nil || alg != key.Algorithm {
		return nil, swWrongP1P2
	}
	witness, challenge := c.session.witness, c.session.challenge
	c.session.witness, c.session.challenge = nil, nil
	w, hasWitness := f[0x80]
	ch, hasChallenge := f[0x81]
	switch r := f[0x82]; {
	case hasWitness && len(w) == 0:
		c.session.witness = random(block.BlockSize())
		return tlv(0x7c, tlv(0x80, encrypt(block, c.session.witness))), swOK
	case hasWitness:
		if !equal(witness, w) || len(ch) != block.BlockSize() {
			return nil, swNotAllowed
		}
		sw := c.becomeAdmin(key)
		return tlv(0x7c, tlv(0x82, encrypt(block, ch))), sw
	case hasChallenge && len(ch) == 0:
		c.session.challenge = random(block.BlockSize())
		return tlv(0x7c, tlv(0x81, c.session.challenge)), swOK
	case len(r) == block.BlockSize() && challenge != nil && equal(encrypt(block, challenge), r):
		return nil, c.becomeAdmin(key)
	}
	return nil, swNotAllowed
}

func (c *Card) becomeAdmin(key managementKey) int {
	if sw := c.waitForTouch(key.Touch); sw != swOK {
		return sw
	}
	c.session.admin = true
	return swOK
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

func encrypt(b cipher.Block, in []byte) []byte {
	out := make([]byte, len(in))
	b.Encrypt(out, in)
	return out
}

func equal(a, b []byte) bool { return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1 }
