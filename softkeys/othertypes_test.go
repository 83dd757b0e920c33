package softkeys

import (
	"bytes"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/crypto/ssh"
)

const remedyDSA = "\nadd it to the running broker, with an OpenSSH before version 10: ssh-add FILE; or make a new key: keybroker keys generate NAME"

// otherKeys are keys that cannot be sealed, and what is said of each.
var otherKeys = map[string]string{
	"openssl genpkey -algorithm x25519 -out key":                                                                            "an X25519 key",
	"openssl genpkey -algorithm x448 -out key":                                                                              "an X448 key",
	"openssl genpkey -algorithm ed448 -out key":                                                                             "an Ed448 key",
	"openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 -out key":                                             "an RSA-PSS key",
	"openssl genpkey -algorithm DH -pkeyopt group:ffdhe2048 -out key":                                                       "a Diffie-Hellman key",
	"openssl genpkey -algorithm x25519 -aes-128-cbc -pass pass:secret -out key":                                             "an X25519 key",
	"openssl genpkey -algorithm ed448 -aes256 -pass pass:secret -out key":                                                   "an Ed448 key",
	"openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 -aes256 -pass pass:secret -out key":                   "an RSA-PSS key",
	"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -aes256 -pass pass:secret -out key":                 "an ECDSA key on the curve secp256k1",
	"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out key":                                                 "an SM2 key",
	"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out key":                                           "an ECDSA key on the curve secp256k1",
	"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1 -out key":                                     "an ECDSA key on the curve brainpoolP256r1",
	"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-224 -out key":                                               "an ECDSA key on the curve P-224",
	"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-224 -aes256 -pass pass:secret -out key":                     "an ECDSA key on the curve P-224",
	"openssl ecparam -name secp256k1 -genkey -out key":                                                                      "an ECDSA key on the curve secp256k1",
	"openssl ecparam -name secp224r1 -genkey -noout -out key":                                                               "an ECDSA key on the curve P-224",
	"openssl ecparam -name brainpoolP512r1 -genkey -noout -out key":                                                         "an ECDSA key on the curve brainpoolP512r1",
	"openssl ecparam -name sect283k1 -genkey -noout -out key":                                                               "an ECDSA key on the curve with the OID 1.3.132.0.16",
	"sh -c openssl|ecparam|-name|secp256k1|-genkey|-noout>plain;openssl|ec|-aes256|-passout|pass:secret|-in|plain|-out|key": "an ECDSA key on the curve secp256k1",
}

// A key of another type is named before anybody asks ssh-add, and not called damaged.
func TestOtherTypesAreNamed(t *testing.T) {
	for line, what := range otherKeys {
		words := command(line)
		if words[0] == "sh" {
			words[2] = strings.ReplaceAll(words[2], "|", " ")
		}
		dir := t.TempDir()
		run(t, dir, words...)
		file, err := os.ReadFile(filepath.Join(dir, "key"))
		if err != nil {
			t.Fatal(err)
		}
		private, err := ParsePrivate(file, []byte("secret"))
		if _, unsupported := errors.AsType[*UnsupportedError](err); unsupported || private.Key != nil {
			t.Errorf("%s: %v, with a key: %t", line, err, private.Key != nil)
		}
		wantError(t, err, "it is "+what+", and OpenSSH has no such keys\nmake a new one: keybroker keys generate NAME")
		if strings.Contains(line, "secret") {
			_, err = ParsePrivate(file, []byte("wrong"))
			wantError(t, err, ErrPassphraseWrong.Error())
		}
	}
}

// DSA keys can be used, but not sealed. The sizes that SSH does not have cannot even be used.
func TestDSAIsNamed(t *testing.T) {
	generate := func(bits, form string) []byte {
		dir := t.TempDir()
		run(t, dir, "openssl", "dsaparam", "-out", "parameters", bits)
		run(t, dir, "openssl", "gendsa", "-out", "pkcs8", "parameters")
		switch form {
		case "traditional":
			run(t, dir, "openssl", "pkey", "-traditional", "-in", "pkcs8", "-out", form)
		case "encrypted":
			run(t, dir, "openssl", "pkcs8", "-topk8", "-v2", "aes256", "-passout", "pass:secret", "-in", "pkcs8", "-out", form)
		}
		file, err := os.ReadFile(filepath.Join(dir, form))
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, form := range []string{"pkcs8", "traditional", "encrypted"} {
		_, err := ParsePrivate(generate("1024", form), []byte("secret"))
		wantError(t, err, "it is a DSA key (ssh-dss), and DSA keys cannot be sealed"+remedyDSA)
	}
	_, err := ParsePrivate(generate("2048", "pkcs8"), nil)
	wantError(t, err, "it is a DSA key of 2048 bits, and OpenSSH has no such keys\nmake a new one")

	public := ssh.Marshal(struct {
		Type string
		P    *big.Int
	}{"ssh-dss", new(big.Int).Lsh(big.NewInt(1), bitsOfDSA-1)})
	file := pem.EncodeToMemory(&pem.Block{Type: opensshType, Bytes: append([]byte(opensshMagic),
		ssh.Marshal(opensshFile{Cipher: "none", KDF: "none", Keys: 1, Public: public})...)})
	_, err = ParsePrivate(file, nil)
	wantError(t, err, "it is a DSA key (ssh-dss), and DSA keys cannot be sealed"+remedyDSA)
}

// A .ppk of another type is named before the passphrase is asked for.
func TestPuttyOtherTypes(t *testing.T) {
	if _, err := exec.LookPath("puttygen"); err != nil {
		t.Skip("there is no puttygen: make deps")
	}
	for options, want := range map[string]string{
		"-t ed448":       "it is an Ed448 key, and OpenSSH has no such keys\nmake a new one",
		"-t dsa -b 1024": "DSA keys cannot be sealed\nconvert it and add it to the running broker, with an OpenSSH before version 10: puttygen FILE -O private-openssh -o NEWFILE && ssh-add NEWFILE",
		"-t dsa -b 2048": "it is a DSA key of 2048 bits, and OpenSSH has no such keys\nmake a new one",
	} {
		file, _ := puttygen(t, "secret", strings.Fields(options)...)
		_, err := ParsePrivate(file, nil)
		wantError(t, err, want)
	}
	old, _ := puttygen(t, "", "-t", "ed25519")
	_, err := ParsePrivate(bytes.Replace(old, []byte("File-3"), []byte("File-1"), 1), nil)
	wantError(t, err, "the file is in PuTTY's format, of version 1, which keybroker does not read\nconvert it first: puttygen FILE -O private-openssh -o NEWFILE")
}

// What is not PEM is named, with the command that makes it readable where there is one.
func TestOtherFormatsAreNamed(t *testing.T) {
	var little, big []byte
	for _, unit := range utf16.Encode([]rune("-----BEGIN OPENSSH PRIVATE KEY-----\n")) {
		little, big = append(little, byte(unit), byte(unit>>8)), append(big, byte(unit>>8), byte(unit))
	}
	for file, want := range map[string]string{
		"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: \"c\"\nP2/56wAA\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n": "it is in ssh.com's format, which keybroker does not read\nconvert it first: puttygen FILE -O private-openssh -o NEWFILE, or, without a passphrase: (umask 077; ssh-keygen -i -f FILE >NEWFILE)",
		"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBGVm\n=AAAA\n-----END PGP PRIVATE KEY BLOCK-----\n":                  "it is an OpenPGP key, which keybroker does not read\nuse it through gpg-agent",
		"\x95\x03\x98\x04secret":                              "it is an OpenPGP key",
		"\x94\x58\x04secret":                                  "it is an OpenPGP key",
		`{"kty":"OKP","crv":"Ed25519","d":"AAAA","x":"AAAA"}`: "it is a JSON Web Key (JWK), which keybroker does not read\nwrite it as PEM with the program that made it",
		"\xff\xfe" + string(little):                           "it is text in UTF-16, which keybroker does not read\nconvert it first: (umask 077; iconv -f UTF-16 -t UTF-8 FILE >NEWFILE)",
		string(little):                                        "it is text in UTF-16, which keybroker does not read\nconvert it first: (umask 077; iconv -f UTF-16LE -t UTF-8 FILE >NEWFILE)",
		string(big):                                           "it is text in UTF-16, which keybroker does not read\nconvert it first: (umask 077; iconv -f UTF-16BE -t UTF-8 FILE >NEWFILE)",
		"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n": "there is no private key in it, but a certificate request (CSR)\ngive the private key file that the request was made with",
	} {
		_, err := ParsePrivate([]byte(file), nil)
		wantError(t, err, want)
	}
}

// A type that a later OpenSSH may have is named, and left to ssh-add.
func TestUnknownTypesAreNamed(t *testing.T) {
	public := ssh.Marshal(struct{ Type, Key string }{"ssh-xmss@openssh.com", "public"})
	file := pem.EncodeToMemory(&pem.Block{Type: opensshType, Bytes: append([]byte(opensshMagic),
		ssh.Marshal(opensshFile{Cipher: "none", KDF: "none", Keys: 1, Public: public})...)})
	_, err := ParsePrivate(file, nil)
	wantError(t, err, `it is a key of the type "ssh-xmss@openssh.com", which keybroker does not know`+"\nmake a new one: keybroker keys generate NAME")
	if _, unsupported := errors.AsType[*UnsupportedError](err); !unsupported {
		t.Error("ssh-add is not asked")
	}
	der, err := asn1.Marshal(struct {
		Version   int
		Algorithm struct{ OID asn1.ObjectIdentifier }
		Private   []byte
	}{0, struct{ OID asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 3, 9999, 6, 4, 13}}, []byte("private")}) // SPHINCS+ of liboqs
	if err != nil {
		t.Fatal(err)
	}
	_, err = ParsePrivate(pem.EncodeToMemory(&pem.Block{Type: plainPKCS8, Bytes: der}), nil)
	wantError(t, err, "it is a key whose algorithm has the OID 1.3.9999.6.4.13, and OpenSSH has no such keys\nmake a new one")
}
