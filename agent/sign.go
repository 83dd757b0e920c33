package agent

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/agent/wire"
	"github.com/keybroker/keybroker/confirm"
	"golang.org/x/crypto/ssh"
)

// sign is the life of a signature. Every step that fails refuses, and the
// signature leaves only after its record is in the audit log.
func (s *session) sign(request wire.SignRequest) wire.Reply {
	use := s.newUse(keys.OpSign)
	use.Digest = sha256.Sum256(request.Data)

	info, source, found := s.server.Ring.Find(request.KeyBlob)
	if !found {
		return s.refuse(use, noSuchKey(request.KeyBlob))
	}
	use.Key = info
	use.Purpose = wire.PurposeOf(request.Data, request.KeyBlob)
	use.Destination = s.destination(use.Purpose)

	algorithm, err := signatureAlgorithm(info.PublicKey, request.Flags)
	if err != nil {
		return s.refuse(use, refusal{reason: err.Error(), remedy: "use a newer SSH client"})
	}
	permission, err := s.permit(use)
	if err != nil {
		return s.refuse(use, err)
	}
	if s.server.lock.locked() { // while the person was asked
		return s.refuse(use, isLocked)
	}
	signature, err := source.Sign(s.ctx, use, request.Data, algorithm)
	if err != nil {
		return s.refuse(use, refusal{reason: err.Error(), rule: permission.Rule, remedy: "see: keybroker keys list; keybroker status"})
	}
	if err := s.server.verifier.verify(info.PublicKey, request.Data, signature, algorithm); err != nil {
		return s.refuse(use, refusal{reason: err.Error(), rule: permission.Rule, remedy: "the key or its device is faulty: do not use it"})
	}
	if s.ctx.Err() != nil {
		return s.refuse(use, refusal{reason: "the program went away before it had its signature", rule: permission.Rule})
	}
	if err := s.record(use, audit.Allowed, permission.Why, permission.Rule); err != nil {
		return s.refuse(use, noRecord(err))
	}
	return wire.SignResponse{Signature: ssh.Marshal(signature)}
}

// permit decides: by the rules, then by a grant, then by asking the person.
// The decision that it returns always allows; else the error is a refusal.
func (s *session) permit(use *keys.Use) (policy.Decision, error) {
	rules := s.server.Rules()
	decision := rules.Decide(use)
	switch decision.Action {
	case policy.Allow:
		return decision, nil
	case policy.Ask:
		// A grant holds only where one would be offered again: not when it is in
		// doubt whether a rule refuses.
		offer := policy.Offer(use, decision)
		if grant, ok := s.server.Grants.Match(use, use.Time); ok && offer > 0 {
			decision.Why = "grant " + grant.ID + ": " + decision.Why
			return decision, nil
		}
		return s.ask(use, decision, offer)
	default: // policy.Refuse, and whatever nobody has thought of
		return decision, refusal{reason: decision.Why, rule: decision.Rule, remedy: "see: keybroker policy show"}
	}
}

func (s *session) ask(use *keys.Use, decision policy.Decision, offer time.Duration) (policy.Decision, error) {
	answer, err := s.server.Prompt.Ask(s.ctx, confirm.Question{Use: use, Remember: offer, Why: decision.Why})
	if err != nil {
		return decision, refusal{reason: "nobody could be asked: " + err.Error(), rule: decision.Rule,
			remedy: "see what is wrong with the prompt: keybroker doctor"}
	}
	switch answer.Verdict {
	case confirm.AllowOnce:
	case confirm.AllowFor:
		grant, err := s.server.Grants.Add(use, decision, s.server.Now().Add(min(answer.For, offer)))
		if err != nil { // this one use was allowed all the same
			s.server.Log.Warn("no grant was made", "error", err)
			break
		}
		answer.Reason += ", grant " + grant.ID
	default:
		return decision, refusal{reason: answer.Reason, rule: decision.Rule, remedy: "try again and allow it in the prompt"}
	}
	decision.Why = answer.Reason
	return decision, nil
}

// signatureAlgorithm is the algorithm that key and flags ask for (RFC 9987
// section 5.6.1). Flags that are not known are refused, as the RFC says.
func signatureAlgorithm(key ssh.PublicKey, flags wire.SignatureFlags) (string, error) {
	if flags&^(wire.FlagRSASHA2_256|wire.FlagRSASHA2_512) != 0 {
		return "", fmt.Errorf("signature flags %#x are not known", uint32(flags))
	}
	plain := certified(key)
	if plain.Type() != ssh.KeyAlgoRSA {
		return plain.Type(), nil
	}
	switch {
	case flags&wire.FlagRSASHA2_256 != 0:
		return ssh.KeyAlgoRSASHA256, nil
	case flags&wire.FlagRSASHA2_512 != 0:
		return ssh.KeyAlgoRSASHA512, nil
	default:
		return ssh.KeyAlgoRSA, nil // SHA-1, as the protocol defines "no flag"; old servers need it
	}
}

// certified is the key that signs: for a certificate the key that it certifies.
func certified(key ssh.PublicKey) ssh.PublicKey {
	if cert, ok := key.(*ssh.Certificate); ok {
		return cert.Key
	}
	return key
}
