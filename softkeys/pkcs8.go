package softkeys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"hash"

	"golang.org/x/crypto/scrypt"
)

// Encrypted PKCS#8 (RFC 5958) with PBES2 (RFC 8018), as openssl and ssh-keygen write it.
// ssh-add may read what is encrypted otherwise.

const (
	encryptedPKCS8 = "ENCRYPTED PRIVATE KEY" // in PEM: RFC 7468 section 11
	plainPKCS8     = "PRIVATE KEY"
)

// maxIterations of PBKDF2 and maxScrypt, the product of scrypt's N, r and p, bound the
// work that a file can ask for: some seconds. openssl writes 2048 iterations, or N = 16384, r = 8, p = 1.
var (
	maxIterations = 10_000_000
	maxScrypt     = 1 << 20
)

var oidPBES2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}

// What PBES2 names by OID. "" is what PBKDF2 takes if the file names no hash.
var (
	pbes2KDFs = map[string]func(parameters, passphrase []byte, size int) ([]byte, error){
		"1.2.840.113549.1.5.12": derivePBKDF2, "1.3.6.1.4.1.11591.4.11": deriveScrypt,
	}
	pbkdf2Hashes = map[string]func() hash.Hash{
		"": sha1.New, "1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.8": sha256.New224, "1.2.840.113549.2.9": sha256.New,
		"1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New,
	}
	pbes2Ciphers = map[string]struct {
		keySize int
		block   func(key []byte) (cipher.Block, error)
	}{
		"2.16.840.1.101.3.4.1.2": {16, aes.NewCipher}, "2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
		"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher}, "1.2.840.113549.3.7": {24, des.NewTripleDESCipher}, // all CBC
	}
)

var errPKCS8 = &UnsupportedError{What: "it is PKCS#8, damaged or encrypted in a way that keybroker does not read"}

type algorithmIdentifier struct {
	OID        asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

// openPKCS8 names a key that cannot be sealed, as checkBlock does.
func openPKCS8(der, passphrase []byte) (any, error) {
	plain, err := decryptPKCS8(der, passphrase)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	if err := checkBlock(&pem.Block{Type: plainPKCS8, Bytes: plain}); err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, &UnsupportedError{"it is damaged, or in a form that keybroker does not read", err}
	}
	return key, nil
}

func decryptPKCS8(der, passphrase []byte) ([]byte, error) {
	var file struct {
		Encryption algorithmIdentifier
		Data       []byte
	}
	var scheme struct{ KDF, Cipher algorithmIdentifier }
	var iv []byte
	if !parses(der, &file) || !file.Encryption.OID.Equal(oidPBES2) ||
		!parses(file.Encryption.Parameters.FullBytes, &scheme) || !parses(scheme.Cipher.Parameters.FullBytes, &iv) {
		return nil, errPKCS8
	}
	derive, known := pbes2KDFs[scheme.KDF.OID.String()]
	with, knownCipher := pbes2Ciphers[scheme.Cipher.OID.String()]
	if !known || !knownCipher {
		return nil, errPKCS8
	}
	key, err := derive(scheme.KDF.Parameters.FullBytes, passphrase, with.keySize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	block, err := with.block(key)
	if err != nil || len(iv) != block.BlockSize() || len(file.Data) == 0 || len(file.Data)%block.BlockSize() != 0 {
		return nil, errPKCS8
	}
	if len(passphrase) == 0 {
		return nil, ErrPassphraseNeeded
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(file.Data, file.Data)
	return withoutPadding(file.Data)
}

// withoutPadding returns ErrPassphraseWrong unless exactly one ASN.1 sequence and CBC's
// padding are there.
func withoutPadding(data []byte) ([]byte, error) {
	n := int(data[len(data)-1])
	if n == 0 || n > len(data) {
		clear(data)
		return nil, ErrPassphraseWrong
	}
	plain := data[:len(data)-n]
	var sequence asn1.RawValue
	if !parses(plain, &sequence) || sequence.Tag != asn1.TagSequence {
		clear(data)
		return nil, ErrPassphraseWrong
	}
	return plain, nil
}

func derivePBKDF2(parameters, passphrase []byte, size int) ([]byte, error) {
	var p struct {
		Salt       []byte
		Iterations int
		Size       int                 `asn1:"optional"`
		Hash       algorithmIdentifier `asn1:"optional"`
	}
	ok := parses(parameters, &p)
	newHash := pbkdf2Hashes[p.Hash.OID.String()]
	if !ok || newHash == nil || p.Iterations < 1 || p.Iterations > maxIterations {
		return nil, errPKCS8
	}
	return pbkdf2.Key(newHash, string(passphrase), p.Salt, p.Iterations, size)
}

func deriveScrypt(parameters, passphrase []byte, size int) ([]byte, error) {
	var p struct {
		Salt    []byte
		N, R, P int
		Size    int `asn1:"optional"`
	}
	if !parses(parameters, &p) || p.N < 2 || p.R < 1 || p.P < 1 || p.N > maxScrypt || p.R > maxScrypt/p.N || p.P > maxScrypt/p.N/p.R {
		return nil, errPKCS8
	}
	key, err := scrypt.Key(passphrase, p.Salt, p.N, p.R, p.P, size)
	if err != nil {
		return nil, errPKCS8
	}
	return key, nil
}

// parses reports whether der is exactly one value of to's type.
func parses(der []byte, to any) bool {
	rest, err := asn1.Unmarshal(der, to)
	return err == nil && len(rest) == 0
}
