package wire

// Kind tells apart the things that an SSH key is asked to sign.
type Kind string

// The kinds of signed data that the broker can identify.
const (
	KindLogin   Kind = "login"   // RFC 4252 section 7, or publickey-hostbound-v00@openssh.com
	KindSSHSig  Kind = "sshsig"  // OpenSSH PROTOCOL.sshsig
	KindUnknown Kind = "unknown" // anything else: always asked, never remembered
)

// Purpose is what a signature would be good for, read from the data itself.
type Purpose struct {
	Kind      Kind   `json:"kind"`
	User      string `json:"user,omitempty"`      // login: the account on the server
	Method    string `json:"method,omitempty"`    // login: "publickey" or the hostbound method
	Algorithm string `json:"algorithm,omitempty"` // login: public key algorithm name; sshsig: hash
	SessionID []byte `json:"-"`                   // login: the session identifier (RFC 4253 section 7.2)
	HostKey   []byte `json:"-"`                   // hostbound login: the server's host key blob
	Namespace string `json:"namespace,omitempty"` // sshsig: "git", "file", …
	Why       string `json:"why,omitempty"`       // unknown: what it failed on
}

// String is the form that rules use: "login", "sshsig:git", "unknown".
func (p Purpose) String() string {
	if p.Kind == KindSSHSig {
		return string(p.Kind) + ":" + p.Namespace
	}
	return string(p.Kind)
}
