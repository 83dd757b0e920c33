package softkeys

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"slices"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys/publickey"
)

// x/crypto neither reads nor writes private keys of the type
// ssh-mldsa44-ed25519@openssh.com. They are here, in OpenSSH's own format
// (PROTOCOL.key): the public half, then the seeds.

// compositeBlock is the alignment of an unencrypted private section.
const compositeBlock = 8

// marshalPrivate is ssh.MarshalPrivateKey for every kind of key that can be
// sealed. The caller wipes the block.
func marshalPrivate(private any, comment string) (*pem.Block, error) {
	signer, composite := private.(*publickey.CompositeSigner)
	if !composite {
		return ssh.MarshalPrivateKey(private, comment)
	}
	seeds := signer.Seeds()
	defer clear(seeds)
	var check [4]byte
	if _, err := rand.Read(check[:]); err != nil {
		return nil, err
	}
	number := binary.BigEndian.Uint32(check[:])
	body := ssh.Marshal(struct {
		Check1, Check2 uint32
		Type           string
		Public, Seeds  []byte
		Comment        string
	}{number, number, publickey.MLDSA44Ed25519, signer.Packed(), seeds, comment})
	padded := slices.Concat(body, padding(len(body)))
	clear(body)
	defer clear(padded)
	file := opensshFile{Cipher: "none", KDF: "none", Keys: 1, Public: signer.PublicKey().Marshal(), Private: padded}
	bytes := ssh.Marshal(file)
	defer clear(bytes)
	return &pem.Block{Type: opensshType, Bytes: slices.Concat([]byte(opensshMagic), bytes)}, nil
}

func generateComposite() (any, error) {
	seeds := make([]byte, publickey.CompositeSeeds)
	defer clear(seeds)
	if _, err := rand.Read(seeds); err != nil {
		return nil, err
	}
	return publickey.NewCompositeSigner(seeds, nil)
}

// isPadding accepts the padding of encrypted files too, whose blocks are longer.
func isPadding(b []byte) bool {
	for i := range b {
		if b[i] != byte(i+1) {
			return false
		}
	}
	return len(b) <= maxPadding
}

// padding is 1, 2, 3, … up to the alignment.
func padding(length int) []byte {
	var b []byte
	for i := byte(1); (length+len(b))%compositeBlock != 0; i++ {
		b = append(b, i)
	}
	return b
}

// parseRaw is ssh.ParseRawPrivateKey for every kind of key that can be sealed.
func parseRaw(file []byte) (any, error) {
	block, _ := pem.Decode(file)
	if block == nil || block.Type != opensshType {
		return ssh.ParseRawPrivateKey(file)
	}
	defer clear(block.Bytes)
	if parsed, ok := readOpenSSH(block.Bytes); ok && parsed.keyType() == publickey.MLDSA44Ed25519 && parsed.Cipher == "none" {
		return parseComposite(parsed)
	}
	return ssh.ParseRawPrivateKey(file)
}

// parseComposite checks the seeds against the public half in the private
// section. Of the public section it reads only the type, as x/crypto does: a key
// from ssh-add has no more there.
func parseComposite(file opensshFile) (any, error) {
	var private struct {
		Check1, Check2 uint32
		Type           string
		Public, Seeds  []byte
		Comment        string
		Padding        []byte `ssh:"rest"`
	}
	err := ssh.Unmarshal(file.Private, &private)
	switch {
	case err != nil:
		return nil, err
	case file.Keys != 1:
		return nil, errors.New("it holds several keys")
	case private.Check1 != private.Check2 || private.Type != publickey.MLDSA44Ed25519 || !isPadding(private.Padding):
		return nil, errors.New("its parts do not belong together")
	}
	defer clear(private.Seeds) // a part of the caller's bytes
	signer, err := publickey.NewCompositeSigner(private.Seeds, private.Public)
	if err != nil {
		return nil, err // an interface must not hold a nil *CompositeSigner
	}
	return signer, nil
}
