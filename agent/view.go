package agent

import (
	"github.com/keybroker/keybroker/agent/keys"
	"golang.org/x/crypto/ssh"
)

// A socket of its own has a view of the keys (policy.View). What is outside it
// does not exist for those who come through it: the wire cannot tell the two
// apart, only the log can.

const checkSocket = "see [[socket]] in config.toml"

// inView says why this connection may not see a key; nil: it may.
func (s *session) inView(key *keys.Info) error {
	if s.socket == "" {
		return nil
	}
	rules := s.server.Rules()
	if err := rules.Shows(s.socket, key); err != nil {
		return refusal{reason: err.Error(), remedy: checkSocket}
	}
	for i := range s.binds {
		if err := rules.MayReach(s.socket, s.host(&s.binds[i])); err != nil {
			return refusal{reason: err.Error(), remedy: checkSocket}
		}
	}
	return nil
}

// mayChangeView refuses changes through a read-only socket. With all it also
// refuses those that concern more keys than the socket shows.
func (s *session) mayChangeView(all bool) error {
	if s.socket == "" {
		return nil
	}
	if err := s.server.Rules().MayChange(s.socket, all); err != nil {
		return refusal{reason: err.Error(), remedy: checkSocket}
	}
	return nil
}

// mayPut refuses to give a key that is there and hidden from this connection
// other constraints, and to add one that would be out of its sight.
func (s *session) mayPut(blob []byte) error {
	if info, _, found := s.server.Ring.Find(blob); found {
		return s.visible(&info)
	}
	if err := s.mayAddMore(); err != nil || s.socket == "" {
		return err
	}
	key, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return refusal{reason: "the key cannot be used: " + err.Error(), remedy: checkKey}
	}
	info := keys.NewInfo(key, "")
	return s.inView(&info)
}

// removeShown removes all that this connection sees.
func (s *session) removeShown() error {
	if s.socket == "" {
		s.server.Ring.RemoveAll()
		return nil
	}
	for _, info := range s.server.Ring.List() {
		if s.visible(&info) != nil {
			continue
		}
		if err := s.server.Ring.Remove(info.Blob); err != nil {
			s.server.Log.Info("a key stays on the list", "key", info.Fingerprint, "error", err)
		}
	}
	return nil
}
