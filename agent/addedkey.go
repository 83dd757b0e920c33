package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// parseAdded turns a request into a key. The private key itself is parsed by
// golang.org/x/crypto, so that its fixes reach us; the constraints are ours
// (constraint_parse.go), because x/crypto takes repeated ones.
func parseAdded(request wire.AddIdentity) (keys.Added, error) {
	added := keys.Added{Comment: request.Comment}
	var err error
	if added.Limits, err = parseLimits(request.Constraints, noOther); err != nil {
		return added, err
	}
	if err := parsePrivate(request, &added); err != nil {
		return added, refused(fmt.Errorf("the key cannot be read: %w", err), checkKey)
	}
	return added, mayBeListed(added)
}

// mayBeListed refuses what would hide all other keys from OpenSSH's programs.
func mayBeListed(added keys.Added) error {
	public, err := added.Public()
	if err == nil {
		err = errors.Join(keys.CheckComment(added.Comment), keys.CheckListable(public))
	}
	if err != nil {
		return refused(fmt.Errorf("the key cannot be used: %w", err), checkKey)
	}
	return nil
}

// parsePrivate has x/crypto's server read the one request, without its
// constraints, and keeps the key that it would have added.
func parsePrivate(request wire.AddIdentity, added *keys.Added) error {
	if request.KeyType == publickey.MLDSA44Ed25519 {
		return parseComposite(request.Private, added)
	}
	if request.KeyType == publickey.MLDSA44Ed25519Certificate {
		return parseCompositeCertificate(request.Private, added)
	}
	var stream oneRequest
	message := request.Unconstrained().Marshal()
	defer clear(message)
	if err := wire.WriteFrame(&stream.in, message); err != nil {
		return err
	}
	var captured captor
	if err := sshagent.ServeAgent(&captured, &stream); !errors.Is(err, io.EOF) {
		return err
	}
	if captured.key == nil {
		return fmt.Errorf("not a valid %.64q key", request.KeyType)
	}
	added.PrivateKey = captured.key.PrivateKey
	if captured.key.Certificate != nil {
		added.Certificate = captured.key.Certificate
	}
	return nil
}

// parseComposite reads a kind of key that x/crypto does not know yet.
func parseComposite(private []byte, added *keys.Added) error {
	var parts struct{ Public, Seeds []byte }
	if err := ssh.Unmarshal(private, &parts); err != nil {
		return err
	}
	signer, err := publickey.NewCompositeSigner(parts.Seeds, parts.Public)
	if err == nil {
		added.PrivateKey = signer
	}
	return err
}

// parseCompositeCertificate reads the certificate and the private half of its key.
func parseCompositeCertificate(private []byte, added *keys.Added) error {
	var parts struct{ Certificate, Seeds []byte }
	if err := ssh.Unmarshal(private, &parts); err != nil {
		return err
	}
	cert, err := publickey.Parse(parts.Certificate)
	if err != nil {
		return err
	}
	if cert.Type() != publickey.MLDSA44Ed25519Certificate {
		return fmt.Errorf("a %.64q stands in the place of a certificate", cert.Type())
	}
	signer, err := publickey.NewCompositeSigner(parts.Seeds, nil)
	if err != nil {
		return err
	}
	added.PrivateKey, added.Certificate = signer, cert
	return nil
}

// publicBlob is the key under which an added one is listed.
func publicBlob(added keys.Added) ([]byte, error) {
	public, err := added.Public()
	if err != nil {
		return nil, err
	}
	return public.Marshal(), nil
}

// oneRequest is a connection that brings one request and ends.
type oneRequest struct{ in, out bytes.Buffer }

func (c *oneRequest) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c *oneRequest) Write(p []byte) (int, error) { return c.out.Write(p) }

// captor is an agent that only takes a key.
type captor struct {
	sshagent.Agent // nil: only Add is ever called
	key            *sshagent.AddedKey
}

func (c *captor) Add(key sshagent.AddedKey) error {
	c.key = &key
	return nil
}
