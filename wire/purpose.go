package wire

import (
	"bytes"

	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// Kind is the kind of data that a key is asked to sign.
type Kind string

// The kinds of signed data that the broker can identify.
const (
	KindLogin       Kind = "login"       // RFC 4252 section 7, or publickey-hostbound-v00@openssh.com
	KindSSHSig      Kind = "sshsig"      // OpenSSH PROTOCOL.sshsig
	KindCertificate Kind = "certificate" // to be signed by a CA: OpenSSH PROTOCOL.certkeys
	KindSudo        Kind = "sudo"        // pam_ssh_agent_auth
	KindChallenge   Kind = "challenge"   // pam_rssh: random bytes
	KindTest        Kind = "test"        // ssh-add -T
	KindUnknown     Kind = "unknown"     // anything else
)

// Everyday reports whether a rule may allow the kind without naming it. Other kinds
// must be named, and are never remembered: a certificate or a sudo opens more than
// one login, and unknown data may be anything.
func (k Kind) Everyday() bool { return k == KindLogin || k == KindSSHSig }

// Known reports whether the data was parsed, or at least recognized.
func (k Kind) Known() bool {
	return k.Everyday() || k == KindCertificate || k == KindSudo || k == KindChallenge || k == KindTest
}

// Purpose is what a signature would be used for, according to the data.
type Purpose struct {
	Kind      Kind   `json:"kind"`
	User      string `json:"user,omitempty"`      // login: the account on the server
	Method    string `json:"method,omitempty"`    // login: "publickey" or the hostbound method
	Algorithm string `json:"algorithm,omitempty"` // login: public key algorithm name; sshsig: hash
	SessionID []byte `json:"-"`                   // login: the session identifier (RFC 4253 section 7.2)
	HostKey   []byte `json:"-"`                   // hostbound login: the server's host key blob
	Namespace string `json:"namespace,omitempty"` // sshsig: "git", "file", …
	Why       string `json:"why,omitempty"`       // unknown: why it was not recognized

	Certificate *Certificate `json:"certificate,omitempty"`
	Sudo        *Sudo        `json:"sudo,omitempty"`
}

// String returns the form that rules use: "login", "sshsig:git", "certificate:user",
// "unknown".
func (p Purpose) String() string {
	switch {
	case p.Kind == KindSSHSig:
		return string(p.Kind) + ":" + p.Namespace
	case p.Kind == KindCertificate && p.Certificate != nil:
		return string(p.Kind) + ":" + p.Certificate.For
	}
	return string(p.Kind)
}

// Names that identify a login request (RFC 4252 sections 5 and 7, PROTOCOL section 3.1).
const (
	msgUserauthRequest  = 50
	serviceConnection   = "ssh-connection"
	MethodPublicKey     = "publickey"
	MethodHostBound     = "publickey-hostbound-v00@openssh.com"
	sshsigMagic         = "SSHSIG" // PROTOCOL.sshsig section 2
	maxPurposeFieldSize = 1024     // a person could not judge a longer user or namespace
)

// PurposeOf parses the data of a sign request. keyBlob is the requested key: a login
// with another key is unknown, but one with a certificate of the key is a login. No
// data fits two kinds.
func PurposeOf(data, keyBlob []byte) Purpose {
	for _, parse := range []func(data, keyBlob []byte) (Purpose, bool){parseSSHSig, parseCertificate, parseSudo, parseTest, parseChallenge} {
		if p, ok := parse(data, keyBlob); ok {
			return p
		}
	}
	return parseUserauth(data, keyBlob)
}

func unknown(why string) Purpose { return Purpose{Kind: KindUnknown, Why: why} }

// parseSSHSig reads the data of "ssh-keygen -Y sign": magic,
// namespace, reserved, hash algorithm, H(message).
func parseSSHSig(data, _ []byte) (Purpose, bool) {
	c := &cursor{rest: data}
	if string(c.take(len(sshsigMagic))) != sshsigMagic {
		return Purpose{}, false
	}
	namespace, _, hash, sum := c.string(), c.bytes(), c.string(), c.bytes()
	// PROTOCOL.sshsig: the namespace must not be empty.
	if !c.atEnd() || namespace == "" || len(namespace) > maxPurposeFieldSize || len(sum) != sshsigHashSize(hash) {
		return Purpose{}, false
	}
	return Purpose{Kind: KindSSHSig, Namespace: namespace, Algorithm: hash}, true
}

func sshsigHashSize(name string) int {
	switch name {
	case "sha256":
		return 32
	case "sha512":
		return 64
	}
	return -1
}

// parseUserauth reads the data of RFC 4252 section 7, and of the hostbound
// variant, which adds the server's host key at the end.
func parseUserauth(data, keyBlob []byte) Purpose {
	c := &cursor{rest: data}
	sessionID, number := c.bytes(), c.uint8()
	user, service, method := c.string(), c.string(), c.string()
	signed, algorithm, blob := c.uint8(), c.string(), c.bytes()
	login := Purpose{Kind: KindLogin, User: user, Method: method, Algorithm: algorithm, SessionID: sessionID}
	if method == MethodHostBound {
		login.HostKey = c.bytes()
	}
	if why := loginFault(c, login, number, signed, service, isKeyOrCertificate(blob, keyBlob)); why != "" {
		return unknown(why)
	}
	return login
}

// isKeyOrCertificate reports whether blob is the key or a certificate for it. For a
// login with a certificate, ssh prefers to ask for a signature of the plain key
// (sshconnect2.c, sign_and_send_pubkey), and the server verifies it with that key.
func isKeyOrCertificate(blob, keyBlob []byte) bool {
	if bytes.Equal(blob, keyBlob) {
		return true
	}
	public, err := publickey.Parse(blob)
	if err != nil {
		return false
	}
	cert, ok := publickey.CertificateOf(public)
	return ok && cert.CertType == ssh.UserCert && bytes.Equal(cert.Key.Marshal(), keyBlob)
}

func loginFault(c *cursor, p Purpose, number, signed byte, service string, sameKey bool) string {
	switch {
	case !c.atEnd() || number != msgUserauthRequest || signed != 1 || (p.Method == MethodHostBound && len(p.HostKey) == 0):
		return "neither an SSH login nor an SSHSIG"
	case p.Method != MethodPublicKey && p.Method != MethodHostBound:
		return "a login that does not use the publickey method"
	case service != serviceConnection:
		return "a login to a service other than ssh-connection"
	case len(p.SessionID) == 0 || len(p.SessionID) > MaxSessionID:
		return "a login with a session id of an impossible length"
	case p.User == "" || len(p.User) > maxPurposeFieldSize:
		return "a login with an empty or absurdly long user name"
	case !sameKey:
		return "a login that names a different key from the one requested"
	}
	return ""
}
