//go:build linux

package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"fmt"
	"net"

	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// request is a frame made beforehand, and the number of the reply to it.
type request struct {
	frame []byte
	reply byte
}

// listRequest is SSH_AGENTC_REQUEST_IDENTITIES (RFC 9987 section 5.1).
var listRequest = request{frame: []byte{0, 0, 0, 1, 11}, reply: 12}

// key is one that both agents hold, and a request to sign a login with it.
type key struct {
	private any
	public  ssh.PublicKey
	data    []byte
	sign    request
}

// sha512Flag asks for rsa-sha2-512 (RFC 9987 section 5.6.1).
const sha512Flag = 4

func newKey(private any, algorithm string, flags uint32) (*key, error) {
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	k := &key{private: private, public: signer.PublicKey()}
	k.data = loginData(algorithm, k.public.Marshal())
	body := ssh.Marshal(struct {
		Number    byte
		Key, Data []byte
		Flags     uint32
	}{13, k.public.Marshal(), k.data, flags})
	k.sign = request{frame: append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...), reply: 14}
	return k, nil
}

// loginData is what ssh has signed to log in (RFC 4252 section 7).
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

// verify looks at a reply to the key's request.
func (k *key) verify(reply []byte) error {
	var response struct{ Signature []byte }
	if err := ssh.Unmarshal(reply[1:], &response); err != nil {
		return err
	}
	var signature ssh.Signature
	if err := ssh.Unmarshal(response.Signature, &signature); err != nil {
		return err
	}
	return k.public.Verify(k.data, &signature)
}

func newEd25519() (*key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return newKey(&private, ssh.KeyAlgoED25519, 0)
}

func newRSA() (*key, error) {
	private, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return nil, err
	}
	return newKey(private, ssh.KeyAlgoRSASHA512, sha512Flag)
}

// add hands the keys over by the protocol, as ssh-add does.
func (a *agent) add(keys ...*key) error {
	conn, err := net.Dial("unix", a.socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	client := sshagent.NewClient(conn)
	for i, k := range keys {
		if err := client.Add(sshagent.AddedKey{PrivateKey: k.private, Comment: fmt.Sprintf("key %d", i)}); err != nil {
			return err
		}
	}
	return nil
}
