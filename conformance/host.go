package conformance

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"

	"golang.org/x/crypto/ssh"
)

// host is an SSH server with a host key, as session-bind sees it.
type host struct {
	blob []byte // of its key, or of its certificate
	key  ssh.AlgorithmSigner
	hash string // the signature algorithm
}

func newHost() host {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(err)
	return hostOf(private, ssh.KeyAlgoED25519)
}

func hostOf(private crypto.Signer, hash string) host {
	signer, err := ssh.NewSignerFromKey(private)
	must(err)
	return host{signer.PublicKey().Marshal(), signer.(ssh.AlgorithmSigner), hash}
}

func ecdsaHost() host {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return hostOf(private, ssh.KeyAlgoECDSA256)
}

func rsaHost() host { return hostOf(rsaOnce(), ssh.KeyAlgoRSASHA512) }

// signature is what the host sends at the end of the key exchange of a session.
func (h host) signature(session []byte) []byte {
	signature, err := h.key.SignWithAlgorithm(rand.Reader, session, h.hash)
	must(err)
	return ssh.Marshal(signature)
}

// bindRequest is session-bind@openssh.com (PROTOCOL.agent section 1).
func (h host) bindRequest(session []byte, forwarding bool) []byte {
	return bindMessage(h.blob, session, h.signature(session), boolean(forwarding))
}

func bindMessage(key, session, signature, forwarding []byte) []byte {
	return message(extension, str(extSessionBind), str(key), str(session), str(signature), forwarding)
}

// newSession is a session identifier: a hash of 32 bytes.
func newSession() []byte {
	session := make([]byte, 32)
	_, _ = rand.Read(session)
	return session
}

// bind binds a connection to a new session with the host. It ends the rule if the
// agent cannot do that.
func (h host) bind(c *Conn, forwarding bool) (session []byte) {
	session = newSession()
	if got := c.Number(h.bindRequest(session, forwarding)); got != replySuccess {
		c.t.Skipf("the agent does not bind sessions: %s", named(got))
	}
	return session
}
