package softkeys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"slices"

	"golang.org/x/crypto/blowfish" //lint:ignore SA1019 bcrypt_pbkdf, which OpenSSH encrypts keys with, is made of it
	"golang.org/x/crypto/ssh"
)

// The encryption of OpenSSH's format of private keys (PROTOCOL.key). x/crypto
// opens only some of these files, and hides their comments.

// maxBcryptRounds bounds the work that a file can ask for. ssh-keygen uses 24 rounds by
// default; a round takes some milliseconds.
var maxBcryptRounds uint32 = 4096

// maxPadding is the longest padding that a cipher's block needs.
const maxPadding = aes.BlockSize - 1

var errDamagedOpenSSH = &UnsupportedError{What: "it is in OpenSSH's format, but damaged"}

// opensshCipher decrypts data in place. Only authenticated ciphers use the tag.
type opensshCipher struct {
	keySize, ivSize int
	decrypt         func(key, iv, data, tag []byte) error
}

var opensshCiphers = map[string]opensshCipher{
	"aes128-ctr":             {16, aes.BlockSize, decryptCTR},
	"aes192-ctr":             {24, aes.BlockSize, decryptCTR},
	"aes256-ctr":             {32, aes.BlockSize, decryptCTR},
	"aes128-cbc":             {16, aes.BlockSize, decryptAESCBC},
	"aes192-cbc":             {24, aes.BlockSize, decryptAESCBC},
	"aes256-cbc":             {32, aes.BlockSize, decryptAESCBC},
	"3des-cbc":               {24, des.BlockSize, decrypt3DES},
	"aes128-gcm@openssh.com": {16, 12, decryptGCM},
	"aes256-gcm@openssh.com": {32, 12, decryptGCM},
}

// checkEncryption returns an error if no passphrase can open the file here.
func (f opensshFile) checkEncryption() error {
	_, known := opensshCiphers[f.Cipher]
	_, rounds, err := f.bcryptOptions()
	switch {
	case !known:
		return &UnsupportedError{What: fmt.Sprintf("it is encrypted with %.60q", f.Cipher)}
	case f.KDF != "bcrypt":
		return &UnsupportedError{What: fmt.Sprintf("it is encrypted with %.60q and %.60q", f.Cipher, f.KDF)}
	case err != nil:
		return errDamagedOpenSSH
	case rounds > maxBcryptRounds:
		return &UnsupportedError{What: fmt.Sprintf("its passphrase needs %d rounds of bcrypt, more than the %d that keybroker allows", rounds, maxBcryptRounds)}
	}
	return nil
}

func (f opensshFile) bcryptOptions() (salt []byte, rounds uint32, err error) {
	var options struct {
		Salt   []byte
		Rounds uint32
	}
	err = ssh.Unmarshal([]byte(f.KDFOptions), &options)
	if err == nil && (len(options.Salt) == 0 || options.Rounds == 0) {
		err = errDamagedOpenSSH
	}
	return options.Salt, options.Rounds, err
}

// decrypt returns the file without its encryption, in PEM. The caller wipes it.
func (f opensshFile) decrypt(passphrase []byte) ([]byte, error) {
	if err := f.checkEncryption(); err != nil {
		return nil, err
	}
	c := opensshCiphers[f.Cipher]
	salt, rounds, _ := f.bcryptOptions()
	key := bcryptKey(passphrase, salt, rounds, c.keySize+c.ivSize)
	defer clear(key)
	private := slices.Clone(f.Private)
	defer clear(private)
	if err := c.decrypt(key[:c.keySize], key[c.keySize:], private, f.Tag); err != nil {
		return nil, err
	}
	if len(private) < 8 || subtle.ConstantTimeCompare(private[:4], private[4:8]) != 1 {
		return nil, ErrPassphraseWrong
	}
	f.Cipher, f.KDF, f.KDFOptions, f.Private, f.Tag = "none", "none", "", private, nil
	body := ssh.Marshal(f)
	defer clear(body)
	block := slices.Concat([]byte(opensshMagic), body)
	defer clear(block)
	return pem.EncodeToMemory(&pem.Block{Type: opensshType, Bytes: block}), nil
}

func decryptCTR(key, iv, data, _ []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	cipher.NewCTR(block, iv).XORKeyStream(data, data)
	return nil
}

func decryptAESCBC(key, iv, data, _ []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	return decryptCBC(block, iv, data)
}

func decrypt3DES(key, iv, data, _ []byte) error {
	block, err := des.NewTripleDESCipher(key)
	if err != nil {
		return err
	}
	return decryptCBC(block, iv, data)
}

func decryptCBC(block cipher.Block, iv, data []byte) error {
	if len(data)%block.BlockSize() != 0 {
		return errDamagedOpenSSH
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(data, data)
	return nil
}

func decryptGCM(key, iv, data, tag []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	sealed := slices.Concat(data, tag)
	opened, err := gcm.Open(sealed[:0], iv, sealed, nil)
	if err != nil {
		return ErrPassphraseWrong
	}
	copy(data, opened)
	clear(sealed)
	return nil
}

// bcryptKey is OpenBSD's bcrypt_pbkdf(3), which x/crypto does not export: PBKDF2
// over a bcrypt with SHA-512, with its output spread over all blocks.
func bcryptKey(passphrase, salt []byte, rounds uint32, size int) []byte {
	blocks := (size + bcryptSize - 1) / bcryptSize
	key := make([]byte, blocks*bcryptSize)
	password := sha512.Sum512(passphrase)
	defer clear(password[:])
	for n := range blocks {
		seed := sha512.Sum512(binary.BigEndian.AppendUint32(slices.Clone(salt), uint32(n+1)))
		hash := bcryptHash(password[:], seed[:])
		sum := hash
		for range rounds - 1 {
			seed = sha512.Sum512(hash[:])
			hash = bcryptHash(password[:], seed[:])
			subtle.XORBytes(sum[:], sum[:], hash[:])
		}
		for i, b := range sum {
			key[i*blocks+n] = b
		}
		clear(sum[:])
		clear(hash[:])
	}
	return key[:size]
}

const bcryptSize = 32

func bcryptHash(password, salt []byte) (out [bcryptSize]byte) {
	c, err := blowfish.NewSaltedCipher(password, salt)
	if err != nil {
		panic(err) // both have 64 bytes
	}
	for range 64 {
		blowfish.ExpandKey(salt, c)
		blowfish.ExpandKey(password, c)
	}
	copy(out[:], "OxychromaticBlowfishSwatDynamite")
	for at := 0; at < bcryptSize; at += blowfish.BlockSize {
		for range 64 {
			c.Encrypt(out[at:], out[at:])
		}
	}
	for at := 0; at < bcryptSize; at += 4 { // the result's words are little-endian
		slices.Reverse(out[at : at+4])
	}
	return out
}
