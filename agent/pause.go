package agent

import (
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// While the agent is paused no key is used, whatever the rules and grants say.
// Resuming needs no passphrase, because every request is then decided as usual.
// Keys are still listed, and grants keep their end.
var errPaused = refusal{reason: "the broker is paused", remedy: "resume it: keybroker resume"}

// Pause refuses every use of a key until Resume.
func (s *Server) Pause(peer platform.Peer) error {
	return s.locking(s.newUse(keys.OpPause, peer), func() error {
		if s.paused.Swap(true) {
			return refusal{reason: "the broker is paused already", remedy: errPaused.remedy}
		}
		s.epoch.advance("the broker was paused", func() {})
		return nil
	})
}

// Resume undoes Pause.
func (s *Server) Resume(peer platform.Peer) error {
	return s.locking(s.newUse(keys.OpResume, peer), func() error {
		if !s.paused.Swap(false) {
			return refusal{reason: "the broker is not paused"}
		}
		return nil
	})
}

// mayUseKeys returns why no key may be used now, or nil.
func (s *Server) mayUseKeys() error {
	switch {
	case s.lock.locked():
		return errLocked
	case s.paused.Load():
		return errPaused
	}
	return nil
}
