package softkeys

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/problem"
)

// PuTTY's format, versions 2 and 3 (PuTTY manual, appendix C).

const puttyPrefix = "PuTTY-User-Key-File-"

// maxArgonMemory and maxArgonWork, memory times passes, bound the work that a file can ask for:
// some ten seconds. puttygen uses 8 MiB and as many passes as fit in a tenth of a second.
var (
	maxArgonMemory uint64 = 256 << 10 // KiB
	maxArgonWork   uint64 = 16 << 20  // KiB
)

// puttyFile holds the fields of a file by name; names in -Lines hold base64.
type puttyFile map[string]string

func isPutty(file []byte) bool { return bytes.HasPrefix(file, []byte(puttyPrefix)) }

func readPutty(file []byte) (puttyFile, error) {
	fields := puttyFile{}
	lines := bufio.NewScanner(bytes.NewReader(file))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), ": ")
		if !ok {
			return nil, errDamagedPutty
		}
		if strings.HasSuffix(name, "-Lines") {
			count, err := strconv.ParseUint(value, 10, 16)
			value = ""
			for ; err == nil && count > 0 && lines.Scan(); count-- {
				value += lines.Text()
			}
			if err != nil || count > 0 {
				return nil, errDamagedPutty
			}
		}
		if version, found := strings.CutPrefix(name, puttyPrefix); found {
			fields["version"], name = version, "type"
		}
		fields[name] = value
	}
	return fields, lines.Err()
}

const takeBackup = "take the file from a backup, or make a new key: keybroker keys generate NAME"

var errDamagedPutty = problem.New("the file is in PuTTY's format, but truncated or damaged", takeBackup)

// puttyKeys are derived from the passphrase.
type puttyKeys struct {
	cipher, iv, mac []byte
	hash            func() hash.Hash
}

func parsePutty(file, passphrase []byte) (Private, error) {
	f, err := readPutty(file)
	if err != nil {
		return Private{}, err
	}
	public, errPublic := base64.StdEncoding.DecodeString(f["Public-Lines"])
	private, errPrivate := base64.StdEncoding.DecodeString(f["Private-Lines"])
	code, errCode := hex.DecodeString(f["Private-MAC"])
	if errPublic != nil || errPrivate != nil || errCode != nil || len(private) == 0 {
		return Private{}, errDamagedPutty
	}
	if err := checkPuttyType(f["type"], public); err != nil {
		return Private{}, err
	}
	encrypted := f["Encryption"] != "none"
	if encrypted && len(passphrase) == 0 {
		return Private{}, ErrPassphraseNeeded
	}
	keys, err := f.keys(passphrase, encrypted)
	if err != nil {
		return Private{}, err
	}
	if encrypted {
		if err := keys.decrypt(private); err != nil {
			return Private{}, err
		}
	}
	defer clear(private)
	mac := hmac.New(keys.hash, keys.mac)
	mac.Write(ssh.Marshal(struct {
		Type, Encryption, Comment string
		Public, Private           []byte
	}{f["type"], f["Encryption"], f["Comment"], public, private}))
	if !hmac.Equal(mac.Sum(nil), code) {
		if encrypted {
			return Private{}, ErrPassphraseWrong
		}
		return Private{}, problem.New("the file is in PuTTY's format, but was changed: its authentication code does not match", takeBackup)
	}
	key, err := puttyPrivate(f["type"], public, private)
	return Private{Key: key, Comment: usableComment(f["Comment"])}, err
}

func (f puttyFile) keys(passphrase []byte, encrypted bool) (puttyKeys, error) {
	if encrypted && f["Encryption"] != "aes256-cbc" {
		return puttyKeys{}, f.unsupported("encrypted with", f["Encryption"])
	}
	switch f["version"] {
	case "2":
		return puttyKeys2(passphrase), nil
	case "3":
		if !encrypted {
			return puttyKeys{hash: sha256.New}, nil
		}
		return f.keys3(passphrase)
	}
	return puttyKeys{}, f.unsupported("of version", f["version"])
}

func (f puttyFile) unsupported(what, value string) error {
	value = strings.Trim(fmt.Sprintf("%.40q", value), `"`) // a file's word: no control characters
	return problem.With(fmt.Errorf("the file is in PuTTY's format, %s %s, which keybroker does not read", what, value), "convert it first: puttygen FILE -O private-openssh -o NEWFILE")
}

func puttyKeys2(passphrase []byte) puttyKeys {
	part := func(prefix string) []byte {
		h := sha1.New()
		h.Write([]byte(prefix))
		h.Write(passphrase)
		return h.Sum(nil)
	}
	key := append(part("\x00\x00\x00\x00"), part("\x00\x00\x00\x01")...)
	return puttyKeys{cipher: key[:32], iv: make([]byte, aes.BlockSize), mac: part("putty-private-key-file-mac-key"), hash: sha1.New}
}

func (f puttyFile) keys3(passphrase []byte) (puttyKeys, error) {
	derive := map[string]func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte{
		"Argon2id": argon2.IDKey, "Argon2i": argon2.Key,
	}[f["Key-Derivation"]]
	if derive == nil {
		return puttyKeys{}, f.unsupported("with the key derivation", f["Key-Derivation"])
	}
	memory, errMemory := strconv.ParseUint(f["Argon2-Memory"], 10, 32)
	passes, errPasses := strconv.ParseUint(f["Argon2-Passes"], 10, 32)
	threads, errThreads := strconv.ParseUint(f["Argon2-Parallelism"], 10, 8)
	salt, errSalt := hex.DecodeString(f["Argon2-Salt"])
	if err := errors.Join(errMemory, errPasses, errThreads, errSalt); err != nil || passes == 0 || threads == 0 {
		return puttyKeys{}, errDamagedPutty
	}
	if memory > maxArgonMemory || passes > maxArgonWork/max(memory, 8*threads) { // Argon2 takes no less
		return puttyKeys{}, problem.With(fmt.Errorf("the file's passphrase needs %d KiB of memory and %d passes, more than the allowed %d KiB and %d KiB times passes", memory, passes, maxArgonMemory, maxArgonWork), "write the file again with less: puttygen FILE -P")
	}
	const lengths = 32 + aes.BlockSize + 32
	key := derive(passphrase, salt, uint32(passes), uint32(memory), uint8(threads), lengths)
	return puttyKeys{cipher: key[:32], iv: key[32:48], mac: key[48:], hash: sha256.New}, nil
}

func (k puttyKeys) decrypt(private []byte) error {
	if len(private)%aes.BlockSize != 0 {
		return errDamagedPutty
	}
	block, err := aes.NewCipher(k.cipher)
	if err != nil {
		return err
	}
	cipher.NewCBCDecrypter(block, k.iv).CryptBlocks(private, private)
	return nil
}
