package agent

import (
	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// TerminalPaired records that peer's terminal answers questions from now on, and how
// that was confirmed. If it returns an error, the terminal must not answer.
func (s *Server) TerminalPaired(peer platform.Peer, how string) error {
	if err := s.record(s.newUse(keys.OpApprove, peer), audit.Allowed, how, ""); err != nil {
		return noRecord(err)
	}
	return nil
}

// PairingRefused records why peer's terminal may not answer questions.
func (s *Server) PairingRefused(peer platform.Peer, why error) {
	s.refuse(s.newUse(keys.OpApprove, peer), why)
}

// PairingEnded records that peer's terminal no longer answers questions.
func (s *Server) PairingEnded(peer platform.Peer, why string) {
	if err := s.record(s.newUse(keys.OpApprove, peer), audit.Note, why, ""); err != nil {
		s.Log.Error("the audit log cannot be written", "operation", keys.OpApprove, "error", err)
	}
}
