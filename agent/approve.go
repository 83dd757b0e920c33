package agent

import (
	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// Approves writes down that questions are answered on peer's terminal from now
// on, and how that was confirmed. With an error they must not be.
func (s *Server) Approves(peer platform.Peer, how string) error {
	if err := s.record(s.newUse(keys.OpApprove, peer), audit.Allowed, how, ""); err != nil {
		return noRecord(err)
	}
	return nil
}

// ApprovesNot writes down why peer's terminal may not answer.
func (s *Server) ApprovesNot(peer platform.Peer, why error) {
	s.refuse(s.newUse(keys.OpApprove, peer), why)
}

// ApprovesNoMore writes down that peer's terminal answers no more.
func (s *Server) ApprovesNoMore(peer platform.Peer, why string) {
	if err := s.record(s.newUse(keys.OpApprove, peer), audit.Note, why, ""); err != nil {
		s.Log.Error("the audit log cannot be written", "operation", keys.OpApprove, "error", err)
	}
}
