package agent

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"fmt"
	"sync"

	"filippo.io/edwards25519"
	"golang.org/x/crypto/ssh"
)

// verifier makes sure that no faulty signature leaves: one computed wrongly can
// give the private key away, and devices have been seen to return such.
//
// That is most of what an Ed25519 signature costs, so for the Ed25519 keys in
// use a table of multiples is kept; decision 0005 has the figures. The zero
// value is ready.
type verifier struct {
	mu     sync.RWMutex          // guards tables
	tables map[string]*multiples // by the key's 32 bytes
}

// maxTables bounds the tables, at 150 KiB each. The keys beyond are verified
// by crypto/ed25519.
const maxTables = 16

// verify returns an error unless signature is one of algorithm over data by key.
func (v *verifier) verify(key ssh.PublicKey, data []byte, signature *ssh.Signature, algorithm string) error {
	if signature == nil || signature.Format != algorithm {
		return fmt.Errorf("the key's source did not sign with %s", algorithm)
	}
	key = certified(key)
	if algorithm == ssh.KeyAlgoSKED25519 || algorithm == ssh.KeyAlgoSKECDSA256 {
		return verifySecurityKey(key, data, signature)
	}
	if holder, ok := key.(ssh.CryptoPublicKey); ok && algorithm == ssh.KeyAlgoED25519 {
		public, ok := holder.CryptoPublicKey().(ed25519.PublicKey)
		if ok && v.ed25519(public, data, signature.Blob) {
			return nil
		}
	}
	// What does not pass above passes here, or fails with its reason.
	if err := key.Verify(data, signature); err != nil {
		return fmt.Errorf("the signature does not verify with the public key: %w", err)
	}
	return nil
}

// ed25519 is RFC 8032 section 5.1.7 without the cofactor, as in crypto/ed25519:
// the encoding of [S]B - [k]A must be R. Nothing in it is secret. It is false
// also where there is no table.
func (v *verifier) ed25519(public ed25519.PublicKey, message, signature []byte) bool {
	table := v.table(public)
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

func (v *verifier) table(public ed25519.PublicKey) *multiples {
	v.mu.RLock()
	table, full := v.tables[string(public)], len(v.tables) >= maxTables
	v.mu.RUnlock()
	if table != nil || full {
		return table
	}
	a, err := new(edwards25519.Point).SetBytes(public)
	if err != nil {
		return nil
	}
	table = newMultiples(a.Negate(a))
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.tables == nil {
		v.tables = make(map[string]*multiples)
	}
	if len(v.tables) < maxTables {
		v.tables[string(public)] = table
	}
	return table
}

// multiples holds j * 16^i * P at [i][j-1]: k times P is the sum of one of them
// for each of the 64 hexadecimal digits of k.
type multiples [64][15]edwards25519.Point

func newMultiples(p *edwards25519.Point) *multiples {
	m := new(multiples)
	unit := new(edwards25519.Point).Set(p)
	for i := range m {
		sum := edwards25519.NewIdentityPoint()
		for j := range m[i] {
			m[i][j].Set(sum.Add(sum, unit))
		}
		unit.Add(sum, unit)
	}
	return m
}

// addTimes returns to + k*P, in the place of to.
func (m *multiples) addTimes(to *edwards25519.Point, k *edwards25519.Scalar) *edwards25519.Point {
	for i, b := range k.Bytes() { // little-endian
		if digit := b & 15; digit != 0 {
			to.Add(to, &m[2*i][digit-1])
		}
		if digit := b >> 4; digit != 0 {
			to.Add(to, &m[2*i+1][digit-1])
		}
	}
	return to
}
