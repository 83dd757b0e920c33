package sshsig

import (
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// magic begins every signature (PROTOCOL.sshsig section 2).
const magic = "SSHSIG"

// maxSignature bounds an armoured signature, in bytes: composite keys have some 10 KiB.
const maxSignature = 64 << 10

// Signature is what can be read of a signature that ssh-keygen -Y sign wrote.
type Signature struct {
	Key       ssh.PublicKey
	Namespace string
}

// Parse reads the armoured form. It verifies nothing: ssh-keygen does that.
func Parse(armoured []byte) (Signature, error) {
	if len(armoured) > maxSignature {
		return Signature{}, fmt.Errorf("it has more than %d bytes", maxSignature)
	}
	block, _ := pem.Decode(armoured)
	if block == nil || block.Type != "SSH SIGNATURE" || len(block.Bytes) < len(magic) || string(block.Bytes[:len(magic)]) != magic {
		return Signature{}, errors.New("it is not a signature of ssh-keygen -Y sign")
	}
	var fields struct {
		Version                        uint32
		Key                            []byte
		Namespace, Reserved, Algorithm string
		Signature                      []byte
	}
	if err := ssh.Unmarshal(block.Bytes[len(magic):], &fields); err != nil || fields.Version != 1 {
		return Signature{}, errors.New("the signature is damaged")
	}
	key, err := publickey.Parse(fields.Key)
	if err != nil {
		return Signature{}, errors.New("the signature has a key that cannot be read")
	}
	return Signature{key, fields.Namespace}, nil
}
