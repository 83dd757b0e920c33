package agent

import (
	"cmp"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// mayUseClaimed returns why a key is not used whose time is over. Such a key is still
// listed: the refusal then says why, where a key that is missing would leave the person to
// guess.
func (s *session) mayUseClaimed(use *keys.Use) error {
	if s.server.Claims == nil {
		return nil
	}
	if err := s.server.Claims.MayUse(s.ctx, use.Key); err != nil {
		return refused(err, "see: keybroker keys list --wide")
	}
	return nil
}

// Annotated records that peer changes what is said of a key, with the digest of all claims
// afterwards. If it returns an error, the claim must stay as it is.
func (s *Server) Annotated(peer platform.Peer, key keys.Info, claim keys.Claim, digest string, asked bool) error {
	use := s.newUse(keys.OpAnnotate, peer)
	if !s.steps.take(use.Time) {
		return tooManySteps
	}
	use.Key = key
	record := audit.FromUse(use)
	record.Decision, record.Claim, record.Claims = audit.Allowed, &claim, digest
	record.Reason = "from now on: " + cmp.Or(claim.String(), "nothing is said of it")
	if asked {
		record.Reason += "; the person was asked, because it may be used longer"
	}
	return s.writeOrSay(record)
}

// NotAnnotated records why what is said of a key was not changed for peer.
func (s *Server) NotAnnotated(peer platform.Peer, key keys.Info, why error) {
	use := s.newUse(keys.OpAnnotate, peer)
	use.Key = key
	s.refuse(use, why)
}

// KeyExpired records that the time of a key is over. After an error the claim must stay as
// it is.
func (s *Server) KeyExpired(key keys.Info, claim keys.Claim, digest string) error {
	use := &keys.Use{ID: newID(), Op: keys.OpAnnotate, Key: key, Time: s.Now()}
	record := audit.FromUse(use)
	record.Peer, record.Decision, record.Claim, record.Claims = nil, audit.Note, &claim, digest
	record.Reason = "the key expired on " + keys.ClaimTime(claim.Expires) + "; it stays so, also when the clock is set back"
	return s.writeOrSay(record)
}

// ClaimsDiffered records that the file of the claims was not as the log has it.
func (s *Server) ClaimsDiffered(why, digest string) {
	record := audit.Record{ID: newID(), Op: keys.OpAnnotate, Decision: audit.Note, Reason: why, Claims: digest}
	if err := s.writeOrSay(record); err != nil {
		s.Log.Error("the audit log cannot be written", "operation", keys.OpAnnotate, "error", err)
	}
}

func (s *Server) writeOrSay(record audit.Record) error {
	if _, err := s.write(record); err != nil {
		return noRecord(err)
	}
	return nil
}
