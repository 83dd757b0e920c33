//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net"

	"github.com/keybroker/keybroker/bench/internal/gauge"
	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// key is a key that both agents hold, with a request to sign a login.
type key struct {
	gauge.Login
	private any
	signer  ssh.Signer
}

func newKey(private any, algorithm string, flags uint32) (*key, error) {
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	return &key{gauge.NewLogin(signer.PublicKey(), algorithm, flags), private, signer}, nil
}

func newEd25519() (*key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return newKey(&private, ssh.KeyAlgoED25519, 0)
}

func newECDSA() (*key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return newKey(private, ssh.KeyAlgoECDSA256, 0)
}

func newRSA() (*key, error) {
	private, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return nil, err
	}
	return newKey(private, ssh.KeyAlgoRSASHA512, gauge.FlagSHA512)
}

// add adds the keys through the protocol, as ssh-add does.
func (a *agent) add(keys ...*key) error {
	conn, err := net.Dial("unix", a.Socket)
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
