package agent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
	"golang.org/x/crypto/ssh"
)

// maxKeyType bounds the name of a key's kind in a message (RFC 4251 section 6).
const maxKeyType = 64

// hostKeyTypes are the kinds of plain key that can be parsed without doubt. RSA
// is not among them: x/crypto takes exponents of up to 24 bits, OpenSSH all.
var hostKeyTypes = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
	ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
	publickey.MLDSA44Ed25519,
}

// unknownHostKey is a bind that fails only because its kind of host key, or of
// that key's authority, is not known here.
type unknownHostKey struct{ kind string }

func (u unknownHostKey) Error() string {
	return fmt.Sprintf("session-bind: the host's proof cannot be checked: this kind of host key is not known: %s", u.kind)
}

// unknownKey keeps what such a bind says without proof: that a hop follows. A
// login is then as local as one without a bind; it never undoes an earlier hop.
// Whoever lies here could as well have sent no bind.
func (s *session) unknownKey(next bind, cause error) error {
	kind := keyType(next.hostKey)
	if kind == "" || slices.Contains(hostKeyTypes, kind) {
		return fmt.Errorf("session-bind: host key: %w", cause)
	}
	unknown := unknownHostKey{platform.Escape(kind, maxKeyType)}
	if next.forwarding {
		next.unproved = unknown.Error()
		if err := s.keepBind(next); err != nil {
			return err
		}
	}
	return unknown
}

// keyType is the first field of a key's blob (RFC 4253 section 6.6), or "".
func keyType(blob []byte) string {
	var head struct {
		Type string
		Rest []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(blob, &head) != nil || strings.TrimSpace(head.Type) == "" {
		return ""
	}
	return head.Type
}
