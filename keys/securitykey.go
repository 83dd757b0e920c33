package keys

import (
	"errors"

	"golang.org/x/crypto/ssh"
)

// SecurityKey is a FIDO key that a client adds: what the device needs to sign, without
// the private key, which never leaves the device.
type SecurityKey struct {
	PublicKey   ssh.PublicKey // see publickey.CertificateOf
	Serialized  []byte        // type and private fields, as OpenSSH's programs pass it on
	Application string        // "ssh:…", or that of a web site
	Flags       byte          // PROTOCOL.u2f
	Provider    string        // "internal", or the library that talks to the device
	Comment     string
	Limits
}

// FlagUserPresence is the flag of a security key that requires a touch (OpenSSH,
// sk-api.h).
const FlagUserPresence = 0x01

// InternalProvider is the provider that is built into OpenSSH.
const InternalProvider = "internal"

// SecurityKeyAdder is a Source that accepts security keys from clients.
type SecurityKeyAdder interface {
	AddSecurityKey(key SecurityKey) (Info, error)
}

// AddSecurityKey adds a key to the first source that accepts security keys.
func (r *Ring) AddSecurityKey(key SecurityKey) (Info, error) {
	for _, source := range r.sources {
		if adder, ok := source.(SecurityKeyAdder); ok {
			return adder.AddSecurityKey(key)
		}
	}
	return Info{}, errors.New("no source accepts security keys")
}
