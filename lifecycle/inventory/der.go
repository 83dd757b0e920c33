package inventory

import (
	"crypto/ed25519"
	stdasn1 "encoding/asn1"
	"math/big"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ssh"
)

// The public halves of private keys in DER. The private numbers are skipped, so that
// no copy of them is made.

var (
	oidRSA     = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidEC      = stdasn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidEd25519 = stdasn1.ObjectIdentifier{1, 3, 101, 112}
)

// curves are the names of SSH for the curves of SEC 2 (RFC 5656 section 10.1).
var curves = map[string]string{
	"1.2.840.10045.3.1.7": "nistp256",
	"1.3.132.0.34":        "nistp384",
	"1.3.132.0.35":        "nistp521",
}

// publicOfPEM reads PKCS#1, SEC1 and OpenSSL's DSA keys; nil: the key cannot be read.
func publicOfPEM(kind string, der []byte) ssh.PublicKey {
	switch kind {
	case "RSA PRIVATE KEY":
		return publicOfRSA(der)
	case "EC PRIVATE KEY":
		return publicOfEC(der, "")
	}
	return publicOfDSA(der)
}

// publicOfPKCS8 reads RFC 5208's PrivateKeyInfo.
func publicOfPKCS8(der []byte) ssh.PublicKey {
	var info, algorithm, private cryptobyte.String
	var oid, curve stdasn1.ObjectIdentifier
	input := cryptobyte.String(der)
	if !input.ReadASN1(&info, asn1.SEQUENCE) || !info.SkipASN1(asn1.INTEGER) ||
		!info.ReadASN1(&algorithm, asn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&oid) ||
		!info.ReadASN1(&private, asn1.OCTET_STRING) {
		return nil
	}
	switch {
	case oid.Equal(oidRSA):
		return publicOfRSA(private)
	case oid.Equal(oidEC) && algorithm.ReadASN1ObjectIdentifier(&curve):
		return publicOfEC(private, curve.String())
	case oid.Equal(oidEd25519):
		return publicOfSeed(private)
	}
	return nil
}

func publicOfRSA(der []byte) ssh.PublicKey {
	var key cryptobyte.String
	n, e := new(big.Int), new(big.Int)
	input := cryptobyte.String(der)
	if !input.ReadASN1(&key, asn1.SEQUENCE) || !key.SkipASN1(asn1.INTEGER) || !key.ReadASN1Integer(n) || !key.ReadASN1Integer(e) {
		return nil
	}
	return parsed(ssh.Marshal(struct {
		Type string
		E, N *big.Int
	}{ssh.KeyAlgoRSA, e, n}))
}

func publicOfEC(der []byte, curve string) ssh.PublicKey {
	var key, tagged, bits cryptobyte.String
	var named stdasn1.ObjectIdentifier
	var point stdasn1.BitString
	var present bool
	input := cryptobyte.String(der)
	if !input.ReadASN1(&key, asn1.SEQUENCE) || !key.SkipASN1(asn1.INTEGER) || !key.SkipASN1(asn1.OCTET_STRING) ||
		!key.ReadOptionalASN1(&tagged, &present, asn1.Tag(0).Constructed().ContextSpecific()) {
		return nil
	}
	if present && tagged.ReadASN1ObjectIdentifier(&named) {
		curve = named.String()
	}
	if !key.ReadASN1(&bits, asn1.Tag(1).Constructed().ContextSpecific()) || !bits.ReadASN1BitString(&point) || curves[curve] == "" {
		return nil
	}
	return parsed(ssh.Marshal(struct {
		Type, Curve string
		Point       []byte
	}{"ecdsa-sha2-" + curves[curve], curves[curve], point.Bytes}))
}

func publicOfDSA(der []byte) ssh.PublicKey {
	var key cryptobyte.String
	p, q, g, y := new(big.Int), new(big.Int), new(big.Int), new(big.Int)
	input := cryptobyte.String(der)
	if !input.ReadASN1(&key, asn1.SEQUENCE) || !key.SkipASN1(asn1.INTEGER) ||
		!key.ReadASN1Integer(p) || !key.ReadASN1Integer(q) || !key.ReadASN1Integer(g) || !key.ReadASN1Integer(y) {
		return nil
	}
	return parsed(ssh.Marshal(struct {
		Type       string
		P, Q, G, Y *big.Int
	}{typeDSA, p, q, g, y}))
}

// publicOfSeed computes the public half of an Ed25519 key (RFC 8410), which the file
// does not hold.
func publicOfSeed(der []byte) ssh.PublicKey {
	var seed cryptobyte.String
	input := cryptobyte.String(der)
	if !input.ReadASN1(&seed, asn1.OCTET_STRING) || len(seed) != ed25519.SeedSize {
		return nil
	}
	private := ed25519.NewKeyFromSeed(seed)
	defer clear(private)
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		return nil
	}
	return public
}

func parsed(blob []byte) ssh.PublicKey {
	key, err := publickey.Parse(blob)
	if err != nil {
		return nil
	}
	return key
}
