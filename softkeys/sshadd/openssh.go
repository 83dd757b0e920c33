package sshadd

import (
	"crypto/rand"
	"encoding/pem"
	"errors"

	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// blockSize is the padding of a private section that is not encrypted (PROTOCOL.key).
const blockSize = 8

// toOpenSSH turns a request to add a key into a file in OpenSSH's format
// (PROTOCOL.key): both hold the same fields. It wipes the request.
func toOpenSSH(message []byte) ([]byte, error) {
	defer clear(message)
	request, err := wire.ParseRequest(message)
	added, ok := request.(wire.AddIdentity)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errors.New("ssh-add sent something other than a key")
	case added.IsSecurityKey():
		return nil, ErrSecurityKey
	}
	var check [4]byte
	rand.Read(check[:])
	private := append(check[:], check[:]...)
	private = append(private, added.Serialized()...)
	private = append(private, ssh.Marshal(struct{ Comment string }{added.Comment})...)
	for i := byte(1); len(private)%blockSize != 0; i++ {
		private = append(private, i)
	}
	defer clear(private)
	block := append([]byte("openssh-key-v1\x00"), ssh.Marshal(struct {
		Cipher, KDF, Options string
		Keys                 uint32
		Public, Private      []byte
	}{"none", "none", "", 1, ssh.Marshal(struct{ Type string }{added.KeyType}), private})...)
	defer clear(block)
	return pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: block}), nil
}
