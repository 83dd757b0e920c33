package authorized

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys/publickey"
)

// otherNames are names that sshd takes at the start of a line for a type, beside the
// type's own. They are names of signatures.
var otherNames = map[string]string{
	"rsa-sha2-256": ssh.KeyAlgoRSA,
	"rsa-sha2-512": ssh.KeyAlgoRSA,
	"webauthn-sk-ecdsa-sha2-nistp256@openssh.com": ssh.KeyAlgoSKECDSA256,
}

// readKey fills in key and comment if text begins with a type and a key of that type.
func (l *Line) readKey(text string) bool {
	name, rest := cutBlank(text)
	encoded, comment := cutBlank(rest)
	if encoded == "" {
		return false
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(ignored.Replace(encoded))
	if err != nil {
		return false
	}
	if other := otherNames[name]; other != "" {
		name = other
	}
	if typeOf(blob) != name {
		return false
	}
	l.Type, l.Comment = name, strings.TrimRight(comment, "\r")
	l.Key, l.Blob, l.Dead = judge(blob)
	return true
}

// judge reads a key, and says why sshd does not take it although it may be one.
func judge(blob []byte) (key ssh.PublicKey, canonical []byte, dead string) {
	key, err := publickey.Parse(blob)
	if _, unknown := errors.AsType[publickey.UnknownType](err); unknown {
		return nil, blob, ""
	}
	if err != nil {
		return nil, blob, "its key cannot be read: " + err.Error()
	}
	if _, certificate := publickey.CertificateOf(key); certificate {
		return key, key.Marshal(), "it is a certificate, which sshd does not look for in this file"
	}
	if bits := bitsOfRSA(key); bits > 0 && bits < minRSA {
		return key, key.Marshal(), "sshd reads no RSA key under 1024 bits"
	}
	return key, key.Marshal(), ""
}

// minRSA is OpenSSH's SSH_RSA_MINIMUM_MODULUS_SIZE. A server may ask for more.
const minRSA = 1024

// bitsOfRSA is the length of an RSA key; 0: another type.
func bitsOfRSA(key ssh.PublicKey) int {
	crypto, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return 0
	}
	if public, ok := crypto.CryptoPublicKey().(*rsa.PublicKey); ok {
		return public.N.BitLen()
	}
	return 0
}

// ignored is white space within base64, which sshd's decoder skips.
var ignored = strings.NewReplacer("\r", "", "\v", "", "\f", "", "\n", "")

// cutBlank splits text after its first word.
func cutBlank(text string) (word, rest string) {
	at := strings.IndexAny(text, blanks)
	if at < 0 {
		return text, ""
	}
	return text[:at], strings.TrimLeft(text[at:], blanks)
}

// typeOf is the string at the start of a key blob.
func typeOf(blob []byte) string {
	if len(blob) < 4 {
		return ""
	}
	length := binary.BigEndian.Uint32(blob)
	if uint64(length) > uint64(len(blob)-4) {
		return ""
	}
	return string(blob[4 : 4+length])
}

// Canonical is blob as OpenSSH would write it. Numbers with leading zeros make
// another blob of the same key, and sshd compares the numbers.
func Canonical(blob []byte) []byte {
	if key, err := publickey.Parse(blob); err == nil {
		return key.Marshal()
	}
	return blob
}
