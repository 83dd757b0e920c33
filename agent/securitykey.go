package agent

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// addSecurityKey is add for a FIDO key.
func (s *session) addSecurityKey(request wire.AddIdentity) wire.Reply {
	use := s.newUse(keys.OpAdd)
	if err := s.mayChange(); err != nil {
		return s.refuse(use, err)
	}
	key, err := s.parseSecurityKey(request)
	if err != nil {
		return s.refuse(use, err)
	}
	if err := s.mayPut(key.PublicKey.Marshal()); err != nil {
		return s.refuse(use, err)
	}
	what := join(describe(key.Limits), fmt.Sprintf("by %.256q", key.Provider))
	return s.put(use, key.PublicKey.Marshal(), what, func() (keys.Info, error) { return s.server.Ring.AddSecurityKey(key) })
}

func (s *session) parseSecurityKey(request wire.AddIdentity) (keys.SecurityKey, error) {
	// Nothing of it is secret, but the message is wiped.
	key := keys.SecurityKey{Serialized: request.Serialized(), Comment: request.Comment, Provider: keys.InternalProvider}
	var err error
	key.Limits, err = parseLimits(request.Constraints, func(constraint wire.Constraint) (known bool, err error) {
		if constraint.Name == wire.ExtSKProvider {
			known = true
			key.Provider, err = wire.ParseString(constraint.Contents)
		}
		return known, err
	})
	if err != nil {
		return key, err
	}
	if !strings.EqualFold(key.Provider, keys.InternalProvider) {
		if err := s.mayLoad(key.Provider); err != nil {
			return key, err
		}
	}
	if key.Lifetime == 0 {
		key.Lifetime = s.server.DefaultLifetime
	}
	parts, err := request.SecurityKey()
	if err == nil {
		key.Application, key.Flags = parts.Application, parts.Flags
		key.PublicKey, err = securityPublicKey(parts)
	}
	if err == nil {
		err = errors.Join(keys.CheckComment(key.Comment), keys.CheckListable(key.PublicKey))
	}
	if err != nil {
		return key, refused(fmt.Errorf("the key cannot be read: %w", err), checkKey)
	}
	return key, nil
}

// securityPublicKey makes sure that what is said twice is the same: a
// certificate, and the key beside it.
func securityPublicKey(parts wire.SecurityKey) (ssh.PublicKey, error) {
	key, err := publickey.Parse(bytes.Clone(parts.PublicBlob))
	if err != nil {
		return nil, err
	}
	public, application, err := securityParts(publickey.Certified(key))
	if err != nil {
		return nil, err
	}
	if application != parts.Application || parts.PublicKey != nil && !bytes.Equal(public, parts.PublicKey) {
		return nil, errors.New("the certificate is for another key")
	}
	return key, nil
}

// securityParts are the point and the application of a security key (PROTOCOL.u2f).
func securityParts(key ssh.PublicKey) (public []byte, application string, err error) {
	switch key.Type() {
	case ssh.KeyAlgoSKED25519:
		var parts struct {
			Type        string
			A           []byte
			Application string
		}
		err = ssh.Unmarshal(key.Marshal(), &parts)
		return parts.A, parts.Application, err
	case ssh.KeyAlgoSKECDSA256:
		var parts struct {
			Type, Curve string
			Q           []byte
			Application string
		}
		err = ssh.Unmarshal(key.Marshal(), &parts)
		return parts.Q, parts.Application, err
	}
	return nil, "", fmt.Errorf("%.64q is not a security key", key.Type())
}
