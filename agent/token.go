package agent

import (
	"bytes"
	"fmt"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// addToken loads the keys of a PKCS#11 token (messages 20 and 26). Like an
// added key, none stays that could not be written to the audit log.
func (s *session) addToken(request wire.AddSmartcardKey) wire.Reply {
	use := s.newUse(keys.OpAdd)
	if err := s.mayLoad(request.ReaderID); err != nil {
		return s.refuse(use, err)
	}
	token, err := s.parseToken(request)
	if err != nil {
		return s.refuse(use, err)
	}
	infos, err := s.server.Ring.AddToken(s.ctx, token)
	if err != nil {
		return s.refuse(use, err)
	}
	for _, info := range infos {
		use := s.newUse(keys.OpAdd)
		use.Key = info
		if err := s.record(use, audit.Allowed, join(describe(token.Limits), fmt.Sprintf("from %.256q", token.Provider)), ""); err != nil {
			_ = s.server.Ring.RemoveToken(token.Provider) // it was there a moment ago
			return s.refuse(use, noRecord(err))
		}
	}
	return wire.Success
}

// mayLoad refuses a library that somebody at a far host names, as OpenSSH does:
// it would run here.
func (s *session) mayLoad(library string) error {
	if err := s.mayChange(); err != nil {
		return err
	}
	if err := s.mayChangeView(true); err != nil {
		return err
	}
	if s.server.RemoteProviders || len(s.binds) == 0 && s.bindFailed+s.unproved == "" {
		return nil
	}
	return refusal{reason: fmt.Sprintf("the library %.256q was named over a connection that serves a remote host", library),
		remedy: "do it on the machine where keybroker runs; or [pkcs11] remote = true, ssh-agent -O allow-remote-pkcs11"}
}

func (s *session) parseToken(request wire.AddSmartcardKey) (keys.Token, error) {
	token := keys.Token{Provider: request.ReaderID, PIN: request.PIN}
	var err error
	token.Limits, err = parseLimits(request.Constraints, func(constraint wire.Constraint) (bool, error) {
		if constraint.Name != wire.ExtAssociatedCerts {
			return false, nil
		}
		var err error
		token.Certificates, token.CertificatesOnly, err = certificates(constraint.Contents)
		return true, err
	})
	if token.Lifetime == 0 {
		token.Lifetime = s.server.DefaultLifetime
	}
	return token, err
}

// certificates passes over plain keys in the list, as OpenSSH does.
func certificates(contents []byte) (list []ssh.PublicKey, only bool, err error) {
	parsed, err := wire.ParseAssociatedCerts(contents)
	for _, blob := range parsed.Blobs {
		if err != nil {
			break
		}
		var key ssh.PublicKey
		// The key that is parsed points into its blob, and the message is wiped.
		if key, err = publickey.Parse(bytes.Clone(blob)); err == nil {
			if _, ok := publickey.CertificateOf(key); ok {
				list = append(list, key)
			}
		}
	}
	if err != nil {
		return nil, false, refused(err, "check the certificates: ssh-keygen -L -f FILE")
	}
	return list, parsed.Only, nil
}

func (s *session) removeToken(request wire.RemoveSmartcardKey) wire.Reply {
	use := s.newUse(keys.OpRemove)
	if err := s.mayChangeView(true); err != nil {
		return s.refuse(use, err)
	}
	return s.takeAway(use, func() error { return s.server.Ring.RemoveToken(request.ReaderID) })
}
