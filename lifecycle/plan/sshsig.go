package plan

import (
	"encoding/pem"
	"errors"

	"golang.org/x/crypto/ssh"
)

// sshsigMagic begins every signature (PROTOCOL.sshsig section 2).
const sshsigMagic = "SSHSIG"

// signature is what is readable of a signature that ssh-keygen -Y sign wrote.
type signature struct {
	key       ssh.PublicKey
	namespace string
}

// parseSignature reads the armoured form. It verifies nothing: ssh-keygen does that.
func parseSignature(armoured []byte) (signature, error) {
	block, _ := pem.Decode(armoured)
	if block == nil || block.Type != "SSH SIGNATURE" || len(block.Bytes) < len(sshsigMagic) || string(block.Bytes[:len(sshsigMagic)]) != sshsigMagic {
		return signature{}, errors.New("it is not a signature of ssh-keygen -Y sign")
	}
	var fields struct {
		Version                        uint32
		Key                            []byte
		Namespace, Reserved, Algorithm string
		Signature                      []byte
	}
	if err := ssh.Unmarshal(block.Bytes[len(sshsigMagic):], &fields); err != nil || fields.Version != 1 {
		return signature{}, errors.New("the signature is damaged")
	}
	key, err := ssh.ParsePublicKey(fields.Key)
	if err != nil {
		return signature{}, errors.New("the signature has a key that cannot be read")
	}
	return signature{key, fields.Namespace}, nil
}
