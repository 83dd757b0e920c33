package softkeys

import (
	"bytes"
	"encoding/pem"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/keys/publickey"
)

// OpenSSH's format of private keys (PROTOCOL.key). x/crypto reads the keys; this
// file reads what x/crypto hides, the comment and the name of the cipher.
// opensshcipher.go decrypts.

const (
	opensshType  = "OPENSSH PRIVATE KEY"
	opensshMagic = "openssh-key-v1\x00"
)

type opensshFile struct {
	Cipher, KDF, KDFOptions string
	Keys                    uint32
	Public, Private         []byte
	Tag                     []byte `ssh:"rest"` // of an authenticated cipher
}

// keyType is the type of the first key.
func (f opensshFile) keyType() string {
	var public struct {
		Type string
		Rest []byte `ssh:"rest"`
	}
	_ = ssh.Unmarshal(f.Public, &public)
	return public.Type
}

func readOpenSSH(block []byte) (opensshFile, bool) {
	var file opensshFile
	rest, found := bytes.CutPrefix(block, []byte(opensshMagic))
	return file, found && ssh.Unmarshal(rest, &file) == nil
}

// opensshComment is the comment of an unencrypted key in PEM; "" if it cannot be
// read or shown.
func opensshComment(file []byte) string {
	block, _ := pem.Decode(file)
	if block == nil || block.Type != opensshType {
		return ""
	}
	defer clear(block.Bytes)
	key, ok := readOpenSSH(block.Bytes)
	if !ok || key.Cipher != "none" {
		return ""
	}
	var private struct {
		Check1, Check2 uint32
		Type           string
		Rest           []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(key.Private, &private) != nil {
		return ""
	}
	return usableComment(afterFields(private.Rest, privateFields(private.Type)))
}

// usableComment is comment, or "" if no public key can have it.
func usableComment(comment string) string {
	if pubformat.CheckComment(comment) != nil {
		return ""
	}
	return comment
}

// privateFields is the number of strings and integers in a private key.
func privateFields(keyType string) int {
	switch {
	case keyType == ssh.KeyAlgoRSA:
		return 6 // n, e, d, iqmp, p, q
	case keyType == ssh.KeyAlgoED25519, keyType == publickey.MLDSA44Ed25519:
		return 2 // public, private
	case strings.HasPrefix(keyType, "ecdsa-sha2-"):
		return 3 // curve, public, d
	}
	return -1
}

// afterFields is the string after n others; "" if there is none.
func afterFields(data []byte, n int) string {
	if n < 0 {
		return ""
	}
	var field struct {
		Value string
		Rest  []byte `ssh:"rest"`
	}
	for range n + 1 {
		if ssh.Unmarshal(data, &field) != nil {
			return ""
		}
		data = field.Rest
	}
	return field.Value
}
