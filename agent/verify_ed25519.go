package agent

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"

	"filippo.io/edwards25519"
)

// ed25519 is RFC 8032 section 5.1.7 without the cofactor, as in crypto/ed25519:
// the encoding of [S]B - [k]A must be R. Nothing in it is secret. It is false
// also where there is no table.
func (v *verifier) ed25519(public ed25519.PublicKey, message, signature []byte) bool {
	table := v.edwards.of(public, newEdwardsTable)
	if table == nil || len(signature) != ed25519.SignatureSize {
		return false
	}
	r := signature[:32]
	s, err := edwards25519.NewScalar().SetCanonicalBytes(signature[32:])
	if err != nil {
		return false
	}
	hash := sha512.New()
	hash.Write(r)
	hash.Write(public)
	hash.Write(message)
	k, err := edwards25519.NewScalar().SetUniformBytes(hash.Sum(nil))
	if err != nil {
		return false
	}
	point := new(edwards25519.Point).ScalarBaseMult(s)
	return bytes.Equal(table.addTimes(point, k).Bytes(), r)
}

// edwardsTable holds j * 16^i * -A at [i][j-1], for a public key A: -k*A is the
// sum of one of them for each of the 64 hexadecimal digits of k. It takes 150 KiB.
type edwardsTable [64][15]edwards25519.Point

func newEdwardsTable(public []byte) *edwardsTable {
	unit, err := new(edwards25519.Point).SetBytes(public)
	if err != nil {
		return nil
	}
	unit.Negate(unit)
	t := new(edwardsTable)
	for i := range t {
		sum := edwards25519.NewIdentityPoint()
		for j := range t[i] {
			t[i][j].Set(sum.Add(sum, unit))
		}
		unit.Add(sum, unit)
	}
	return t
}

// addTimes returns to - k*A, in the place of to.
func (t *edwardsTable) addTimes(to *edwards25519.Point, k *edwards25519.Scalar) *edwards25519.Point {
	for i, b := range k.Bytes() { // little-endian
		if digit := b & 15; digit != 0 {
			to.Add(to, &t[2*i][digit-1])
		}
		if digit := b >> 4; digit != 0 {
			to.Add(to, &t[2*i+1][digit-1])
		}
	}
	return to
}
