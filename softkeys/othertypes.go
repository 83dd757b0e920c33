package softkeys

import (
	"cmp"
	"crypto/dsa" //lint:ignore SA1019 to name a DSA key
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/problem"
)

// Private keys that can be read, but not sealed. They are named, so that nobody
// takes the file for a damaged one.

const makeNew = "make a new one: keybroker keys generate NAME"

// otherTypes names by OID the algorithms and curves that OpenSSH has no keys of:
// RFC 8410, RFC 5639, SEC 2, RFC 8017, RFC 9881 and RFC 9935.
var otherTypes = map[string]string{
	"1.3.101.110": "an X25519 key", "1.3.101.111": "an X448 key", "1.3.101.113": "an Ed448 key",
	"1.2.840.113549.1.1.10": "an RSA-PSS key",
	"1.2.840.113549.1.3.1":  "a Diffie-Hellman key", "1.2.840.10046.2.1": "a Diffie-Hellman key",
	"2.16.840.1.101.3.4.3.17": "an ML-DSA-44 key", "2.16.840.1.101.3.4.3.18": "an ML-DSA-65 key", "2.16.840.1.101.3.4.3.19": "an ML-DSA-87 key",
	"2.16.840.1.101.3.4.4.1": "an ML-KEM-512 key", "2.16.840.1.101.3.4.4.2": "an ML-KEM-768 key", "2.16.840.1.101.3.4.4.3": "an ML-KEM-1024 key",
	"1.3.132.0.10": "an ECDSA key on the curve secp256k1", "1.3.132.0.33": "an ECDSA key on the curve P-224", "1.2.840.10045.3.1.1": "an ECDSA key on the curve P-192",
	"1.2.156.10197.1.301":   "an SM2 key",
	"1.3.36.3.3.2.8.1.1.5":  "an ECDSA key on the curve brainpoolP224r1",
	"1.3.36.3.3.2.8.1.1.7":  "an ECDSA key on the curve brainpoolP256r1",
	"1.3.36.3.3.2.8.1.1.9":  "an ECDSA key on the curve brainpoolP320r1",
	"1.3.36.3.3.2.8.1.1.11": "an ECDSA key on the curve brainpoolP384r1",
	"1.3.36.3.3.2.8.1.1.13": "an ECDSA key on the curve brainpoolP512r1",
}

func errOtherType(what string) error {
	return problem.New("it is "+what+", and OpenSSH has no such keys", makeNew)
}

// oidsOfAlgorithms are those of PKCS#8 that SSH has keys of: RSA, ECDSA and Ed25519.
var oidsOfAlgorithms = []string{"1.2.840.113549.1.1.1", oidECDSA, "1.3.101.112"}

// oidsOfCurves are P-256, P-384 and P-521.
var oidsOfCurves = []string{"1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"}

const (
	oidDSA   = "1.2.840.10040.4.1"
	oidECDSA = "1.2.840.10045.2.1"
	// bitsOfDSA is the only size of DSA keys in SSH (RFC 4253 section 6.6, SHA-1).
	bitsOfDSA = 1024
)

var errNoDSA = errors.New("it is a DSA key (ssh-dss), and DSA keys cannot be sealed")

// errDSA says which DSA keys can at least be used. p is the key's modulus.
func errDSA(p *big.Int) error {
	if p != nil && p.BitLen() != bitsOfDSA {
		return errOtherType(fmt.Sprintf("a DSA key of %d bits", p.BitLen()))
	}
	return problem.With(errNoDSA,
		"add it to the running broker, with an OpenSSH before version 10: ssh-add FILE; or make a new key: keybroker keys generate NAME")
}

// checkBlob refuses a type by its public key as SSH has it. ssh-add may know a type
// that this program does not.
func checkBlob(blob []byte) error {
	var dss struct {
		Type string
		P    *big.Int
		Rest []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(blob, &dss) == nil && dss.Type == typeDSA {
		return errDSA(dss.P)
	}
	var unknown publickey.UnknownType
	if _, err := publickey.Parse(blob); errors.As(err, &unknown) {
		return problem.With(&UnsupportedError{What: fmt.Sprintf("it is a key of the type %.60q, which keybroker does not know", unknown.Type)}, makeNew)
	}
	return nil
}

// checkBlock refuses a type by what an unencrypted PEM block says of it, before
// a parser calls it damaged. It leaves what it cannot read to the parser.
func checkBlock(block *pem.Block) error {
	var algorithm, curve asn1.ObjectIdentifier // curve is nil if its parameters are explicit
	switch block.Type {
	case plainPKCS8: // RFC 5958
		var key struct {
			Version   int
			Algorithm struct {
				OID        asn1.ObjectIdentifier
				Parameters asn1.RawValue `asn1:"optional"`
			}
			Private asn1.RawValue // asn1 leaves out what follows: attributes and the public half
		}
		_, _ = asn1.Unmarshal(block.Bytes, &key)
		algorithm = key.Algorithm.OID
		if algorithm.String() == oidDSA {
			var parameters struct{ P, Q, G *big.Int }
			_, _ = asn1.Unmarshal(key.Algorithm.Parameters.FullBytes, &parameters)
			return errDSA(parameters.P)
		}
		if algorithm.String() == oidECDSA {
			_, _ = asn1.Unmarshal(key.Algorithm.Parameters.FullBytes, &curve)
		}
	case "EC PRIVATE KEY": // RFC 5915
		var key struct {
			Version int
			Private []byte
			Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
			Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
		}
		_, _ = asn1.Unmarshal(block.Bytes, &key)
		clear(key.Private)
		curve = key.Curve
	}
	return checkOIDs(algorithm.String(), curve.String())
}

func checkOIDs(algorithm, curve string) error {
	if what := cmp.Or(otherTypes[algorithm], otherTypes[curve]); what != "" {
		return errOtherType(what)
	}
	if algorithm != "" && !slices.Contains(oidsOfAlgorithms, algorithm) {
		return errOtherType("a key whose algorithm has the OID " + algorithm)
	}
	if curve != "" && !slices.Contains(oidsOfCurves, curve) {
		return errOtherType("an ECDSA key on the curve with the OID " + curve)
	}
	return nil
}

// checkEncrypted is checkBlock for a block with "DEK-Info". It returns nil if the
// passphrase does not open it.
func checkEncrypted(file, passphrase []byte) error {
	block, _ := pem.Decode(file)
	der, err := x509.DecryptPEMBlock(block, passphrase) //lint:ignore SA1019 people have such files
	if err != nil {
		return nil
	}
	defer clear(der)
	return checkBlock(&pem.Block{Type: block.Type, Bytes: der})
}

// checkType refuses a type by the key that was read.
func checkType(private any) error {
	switch key := private.(type) {
	case *dsa.PrivateKey:
		return errDSA(key.P)
	case *ecdh.PrivateKey:
		return errOtherType("an X25519 key") // crypto/x509 has ECDH's other curves as ECDSA
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P224() {
			return errOtherType(otherTypes["1.3.132.0.33"])
		}
	}
	return nil
}
