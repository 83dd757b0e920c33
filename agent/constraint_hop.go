package agent

import (
	"bytes"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// isHop reports whether the host that proved this session is the one of a hop: by
// its key, or by a certificate in the hop's name from one of its authorities.
func (s *session) isHop(b *bind, hop keys.Hop) bool {
	if b.key == nil { // unproved
		return false
	}
	cert, certificate := publickey.CertificateOf(b.key)
	for _, key := range hop.Keys {
		switch {
		case key.CA != certificate:
		case !certificate && sameKey(b.key, key.Key):
			return true
		case certificate && sameKey(cert.SignatureKey, key.Key) && s.certifies(b, hop.Host):
			return true
		}
	}
	return false
}

func sameKey(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }
