package pivtest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
)

// usePrivateKey signs, decrypts or agrees on a key with the key of a slot: the
// tag 81 is what to sign, 85 the other side's point (SP 800-73-5 part 1, appendix A).
func (c *Card) usePrivateKey(cmd command, f map[uint32][]byte) ([]byte, int) {
	if !c.isSlot(cmd.p2) || cmd.p2 == slotAttestation {
		return nil, swWrongP1P2
	}
	k := c.state.Slots[cmd.p2]
	switch {
	case k == nil && c.character.ByTheBook:
		return nil, swNoReference
	case k == nil || cmd.p1 != k.Algorithm:
		return nil, swWrongP1P2
	case !c.pinAllows(k):
		return nil, swNotAllowed
	}
	if sw := c.waitForTouch(k.Touch); sw != swOK {
		return nil, sw
	}
	c.session.fresh = false
	out, ok := k.use(f)
	if !ok {
		return nil, swWrongData
	}
	c.counts.Signatures++
	return tlv(0x7c, tlv(0x82, out)), swOK
}

// pinAllows tells whether the PIN was given as the key wants it.
func (c *Card) pinAllows(k *slotKey) bool {
	if c.knobs.refuseToSign {
		return false
	}
	switch k.PIN {
	case PINNever:
		return true
	case PINAlways:
		return c.session.pin && c.session.fresh && !c.session.stale
	}
	return c.session.pin && !c.session.stale
}

// use computes; false: the input does not fit the key.
func (k *slotKey) use(f map[uint32][]byte) ([]byte, bool) {
	if point, ok := f[0x85]; ok {
		return k.agree(point)
	}
	in, ok := f[0x81]
	if !ok || len(in) == 0 {
		return nil, false
	}
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		return rsaRaw(private, in)
	case *ecdsa.PrivateKey:
		if len(in) > (private.Params().BitSize+7)/8 {
			return nil, false
		}
		out, err := ecdsa.SignASN1(rand.Reader, private, in)
		return out, err == nil
	case ed25519.PrivateKey:
		return ed25519.Sign(private, in), true
	}
	return nil, false
}

// agree is ECDH: the x coordinate of the shared point.
func (k *slotKey) agree(point []byte) ([]byte, bool) {
	private, ok := k.private.(*ecdsa.PrivateKey)
	if !ok {
		return nil, false
	}
	own, err := private.ECDH()
	if err != nil {
		return nil, false
	}
	other, err := own.Curve().NewPublicKey(point)
	if err != nil {
		return nil, false
	}
	shared, err := own.ECDH(other)
	return shared, err == nil
}

// rsaRaw is RSA without any padding, by the Chinese remainder theorem. The
// standard library has it for padded messages only; a card pads nothing.
func rsaRaw(k *rsa.PrivateKey, in []byte) ([]byte, bool) {
	m := new(big.Int).SetBytes(in)
	if len(in) != k.Size() || m.Cmp(k.N) >= 0 {
		return nil, false
	}
	p, q := k.Primes[0], k.Primes[1]
	m1 := new(big.Int).Exp(m, k.Precomputed.Dp, p)
	m2 := new(big.Int).Exp(m, k.Precomputed.Dq, q)
	h := m1.Sub(m1, m2)
	h.Mul(h, k.Precomputed.Qinv).Mod(h, p)
	return m2.Add(m2, h.Mul(h, q)).FillBytes(make([]byte, k.Size())), true
}
