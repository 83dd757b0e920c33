package agent

import (
	"crypto/elliptic"
	"crypto/sha256"
	"math/big"

	"filippo.io/nistec"
	"golang.org/x/crypto/ssh"
)

// p256 is FIPS 186-5 section 6.4.2 with P-256 and SHA-256, for a signature as
// RFC 5656 section 3.1.2 writes it and a public key as an uncompressed point.
// Nothing in it is secret. It is false also where there is no table.
func (v *verifier) p256(public, message, signature []byte) bool {
	table := v.nist.of(public, newP256Table)
	var pair struct{ R, S *big.Int }
	if table == nil || ssh.Unmarshal(signature, &pair) != nil {
		return false
	}
	n, r, s := elliptic.P256().Params().N, pair.R, pair.S
	if r.Sign() <= 0 || r.Cmp(n) >= 0 || s.Sign() <= 0 || s.Cmp(n) >= 0 {
		return false
	}
	digest := sha256.Sum256(message)
	inverse := new(big.Int).ModInverse(s, n)
	u := times(new(big.Int).SetBytes(digest[:]), inverse, n)
	w := times(r, inverse, n)
	point, err := nistec.NewP256Point().ScalarBaseMult(u)
	if err != nil {
		return false
	}
	x, err := table.addTimes(point, w).BytesX()
	if err != nil { // the point at infinity
		return false
	}
	return new(big.Int).Mod(new(big.Int).SetBytes(x), n).Cmp(r) == 0
}

// times is a * b modulo n, in 32 bytes, big-endian.
func times(a, b, n *big.Int) []byte {
	product := new(big.Int).Mul(a, b)
	return product.Mod(product, n).FillBytes(make([]byte, 32))
}

// p256Table holds j * 256^i * Q at [i][j-1], for a public key Q: k*Q is the sum
// of one of them for each of the 32 bytes of k. It takes 800 KiB, and 7 ms to make.
type p256Table [32][255]nistec.P256Point

func newP256Table(public []byte) *p256Table {
	unit, err := nistec.NewP256Point().SetBytes(public)
	if err != nil || len(public) != 65 { // the point at infinity has one byte
		return nil
	}
	t := new(p256Table)
	for i := range t {
		sum := nistec.NewP256Point()
		for j := range t[i] {
			t[i][j].Set(sum.Add(sum, unit))
		}
		unit.Add(sum, unit)
	}
	return t
}

// addTimes returns to + k*Q, in the place of to. k is big-endian.
func (t *p256Table) addTimes(to *nistec.P256Point, k []byte) *nistec.P256Point {
	for i, b := range k {
		if b != 0 {
			to.Add(to, &t[len(k)-1-i][b-1])
		}
	}
	return to
}
