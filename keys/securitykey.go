package keys

import (
	"errors"

	"golang.org/x/crypto/ssh"
)

// SecurityKey is a FIDO key that a client handed over: what the device needs to
// make a signature, but not the private key, which never leaves it.
type SecurityKey struct {
	PublicKey   ssh.PublicKey // see publickey.CertificateOf
	Serialized  []byte        // type and private fields, as OpenSSH's programs hand it on
	Application string        // "ssh:…", or that of a web site
	Flags       byte          // PROTOCOL.u2f
	Provider    string        // "internal", or the library that talks to the device
	Comment     string
	Limits
}

// Flags of a security key (OpenSSH, sk-api.h).
const (
	FlagUserPresence = 0x01 // it wants to be touched
)

// InternalProvider is the one that is built into OpenSSH.
const InternalProvider = "internal"

// SecurityKeyAdder is a Source that takes security keys from clients.
type SecurityKeyAdder interface {
	AddSecurityKey(key SecurityKey) (Info, error)
}

// AddSecurityKey gives a key to the first source that takes security keys.
func (r *Ring) AddSecurityKey(key SecurityKey) (Info, error) {
	for _, source := range r.sources {
		if adder, ok := source.(SecurityKeyAdder); ok {
			return adder.AddSecurityKey(key)
		}
	}
	return Info{}, errors.New("no source takes security keys")
}
