//go:build linux

package gauge

import (
	"encoding/binary"

	"golang.org/x/crypto/ssh"
)

// FlagSHA512 asks for rsa-sha2-512 (RFC 9987 section 5.6.1).
const FlagSHA512 = 4

// Login is a request to sign a login with a key.
type Login struct {
	Public ssh.PublicKey
	Sign   Request
	data   []byte
}

// NewLogin makes the request. algorithm must be what flags ask for.
func NewLogin(public ssh.PublicKey, algorithm string, flags uint32) Login {
	k := Login{Public: public, data: loginData(algorithm, public.Marshal())}
	body := ssh.Marshal(struct {
		Number    byte
		Key, Data []byte
		Flags     uint32
	}{13, public.Marshal(), k.data, flags})
	k.Sign = Request{Frame: append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...), Reply: 14}
	return k
}

// Data is what is signed.
func (k *Login) Data() []byte { return k.data }

// loginData is the data that ssh has signed for a login (RFC 4252 section 7).
func loginData(algorithm string, blob []byte) []byte {
	return ssh.Marshal(struct {
		Session       []byte
		Number        byte
		User, Service string
		Method        string
		Signed        bool
		Algorithm     string
		Key           []byte
	}{make([]byte, 32), 50, "git", "ssh-connection", "publickey", true, algorithm, blob})
}

// Verify checks the reply to the request.
func (k *Login) Verify(reply []byte) error {
	var response struct{ Signature []byte }
	if err := ssh.Unmarshal(reply[1:], &response); err != nil {
		return err
	}
	var signature ssh.Signature
	if err := ssh.Unmarshal(response.Signature, &signature); err != nil {
		return err
	}
	return k.Public.Verify(k.data, &signature)
}
