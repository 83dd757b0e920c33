package agent

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// sign is the life of a signature. Every step that fails refuses, and the
// signature leaves only after its record is in the audit log.
func (s *session) sign(request wire.SignRequest) wire.Reply {
	use := s.newUse(keys.OpSign)
	use.Digest = sha256.Sum256(request.Data)
	now := s.server.epoch.now()

	info, source, err := s.find(request.KeyBlob)
	if err != nil {
		return s.refuse(use, err)
	}
	use.Key = info
	use.Purpose = wire.PurposeOf(request.Data, request.KeyBlob)
	s.noteLogin(use.Purpose)
	use.Destination = s.destination(use.Purpose)
	use.Bindings = s.bindings

	algorithm, err := signatureAlgorithm(info.PublicKey, request.Flags)
	if err != nil {
		return s.refuse(use, refused(err, "the program asks for what RFC 9987 does not define: update keybroker, or report it to that program's makers"))
	}
	if err := mayBeUsed(info.PublicKey, algorithm); err != nil {
		return s.refuse(use, err)
	}
	if err := s.server.mayUseKeys(); err != nil {
		return s.refuse(use, err)
	}
	if err := s.server.mayUseCertificate(use); err != nil {
		return s.refuse(use, err)
	}
	if err := s.mayUseClaimed(use); err != nil {
		return s.refuse(use, err)
	}
	if err := s.mayLogIn(use); err != nil {
		return s.refuse(use, err)
	}
	if err := s.mayRecord(); err != nil {
		return s.refuse(use, err)
	}
	decision, err := s.decide(use)
	if err != nil {
		return s.refuse(use, err)
	}
	signature, permission, err := s.obtain(source, decision, now, toSign{use, request.Data, algorithm})
	if err := s.stillAllowed(use, permission, now); err != nil { // while the person was asked
		return s.refuse(use, err)
	}
	if err != nil {
		return s.refuse(use, err)
	}
	if s.ctx.Err() != nil {
		return s.refuse(use, refusal{reason: "the program went away before it had its signature", rule: permission.Rule})
	}
	if err := s.recordSignature(use, permission); err != nil {
		return s.refuse(use, noRecord(err))
	}
	return wire.SignResponse{Signature: ssh.Marshal(signature)}
}

// decide applies the rules, then the grants. The decision that it returns allows or
// asks; everything else is an error.
func (s *session) decide(use *keys.Use) (policy.Decision, error) {
	decision := s.rules().Decide(use)
	switch decision.Action {
	case policy.Allow:
	case policy.Ask:
		if grant, ok := s.server.granted(use, decision); ok {
			return allowedBy(grant, decision), nil
		}
		if err := s.mayAskAgain(use, decision); err != nil {
			return decision, err
		}
		if err := s.server.announced.mayAsk(use, decision); err != nil {
			return decision, err
		}
	default: // policy.Refuse, and every unknown action
		return decision, refusal{reason: decision.Why, rule: decision.Rule, remedy: cmp.Or(decision.Remedy, "see: keybroker policy show")}
	}
	return decision, nil
}

// obtain gets the person's consent, if it is still needed, and the signature. A
// person is asked once: a source that needs a PIN or a touch combines that with
// the question, unless a rule wants the question first. Everything ends with the
// epoch.
func (s *session) obtain(source keys.Source, decision policy.Decision, now *moment, wanted toSign) (*ssh.Signature, policy.Decision, error) {
	ctx, cancel := now.within(s.ctx)
	defer cancel()
	if decision.Action == policy.Ask {
		s.claimRemote(wanted.use)
		if !decision.AskFirst {
			signature, consent, err := signAsking(ctx, source, decision.Why, wanted)
			if !errors.Is(err, keys.ErrNotAsked) {
				decision.Why = consent
				return signature, decision, notSigned(err, decision.Rule)
			}
		}
		var err error
		if decision, err = s.ask(ctx, wanted.use, decision, now); err != nil {
			return nil, decision, err
		}
	}
	signature, err := compute(ctx, source, wanted)
	return signature, decision, notSigned(err, decision.Rule)
}

// notSigned turns a source's error into a refusal; nil stays nil.
func notSigned(err error, rule string) error {
	if err == nil {
		return nil
	}
	why := refused(err, "see: keybroker keys list; keybroker status")
	_ = errors.As(err, &why)
	return why.by(rule)
}

// ask returns decision with the person's consent as its reason. An answer after
// the end of the epoch does not count.
func (s *session) ask(ctx context.Context, use *keys.Use, decision policy.Decision, now *moment) (policy.Decision, error) {
	question := questionOf(use, decision)
	s.server.announced.addTo(&question, use, decision)
	if s.server.History != nil {
		question.History = s.server.History(use)
	}
	ctx, withdraw := context.WithCancelCause(ctx)
	defer withdraw(nil)
	leave := s.server.waiting.enter(&request{use, decision, withdraw})
	s.server.answer() // a grant may have been made since the decision
	answer, err := s.server.Prompt.Ask(ctx, question)
	leave() // its own grant is not used up by itself
	var by covered
	if errors.As(context.Cause(ctx), &by) {
		return allowedBy(by.grant, decision), now.err()
	}
	if err != nil {
		return decision, refused(fmt.Errorf("nobody could be asked: %w", err), "see what is wrong with the prompt: keybroker doctor").by(decision.Rule)
	}
	switch answer.Verdict {
	case confirm.AllowOnce:
	case confirm.AllowFor, confirm.AllowBurst:
		if !offers(question, answer) {
			return decision, refusal{reason: fmt.Sprintf("the prompt answered %q, which it was not offered", answer.Verdict), rule: decision.Rule,
				remedy: "please report this: it is a fault of keybroker"}
		}
		answer.Reason += s.remember(use, decision, question, answer, now)
	default:
		if answer.ByPerson {
			s.deny(use)
		}
		s.server.announced.refuse(use, decision)
		return decision, refusal{reason: answer.Reason, rule: decision.Rule, remedy: cmp.Or(answer.Remedy, "try again and allow it in the prompt")}
	}
	decision.Why = answer.Reason
	return decision, now.err()
}

// offers reports whether question lets the person answer with an allowance that
// covers later uses too: one for hosts names them.
func offers(question confirm.Question, answer confirm.Answer) bool {
	switch {
	case answer.Verdict != confirm.AllowBurst:
		return question.Remember > 0
	case question.Together != nil:
		return len(answer.Hosts) > 0
	}
	return question.Burst != nil
}

// remember makes the grant that the person allowed, and names it. Without one
// this use is allowed all the same.
func (s *session) remember(use *keys.Use, decision policy.Decision, question confirm.Question, answer confirm.Answer, now *moment) string {
	var grant policy.Grant
	err := s.server.epoch.during(now, func() (err error) {
		grant, err = s.grant(use, decision, question, answer)
		s.server.answer()
		return err
	})
	if err != nil {
		s.server.Log.Warn("no grant was made", "error", err)
		return ""
	}
	return ", grant " + grant.ID
}

// questionOf offers only what may be remembered.
func questionOf(use *keys.Use, decision policy.Decision) confirm.Question {
	question := confirm.Question{Use: use, Remember: policy.Offer(use, decision), Why: decision.Why, Rule: decision.Rule, OwnerOnly: decision.OwnerOnly}
	if burst, span, ok := policy.OfferBurst(use, decision); ok {
		question.Burst = &confirm.Burst{Command: burst.Command, PID: burst.PID, Count: burst.Left, For: span}
	}
	if offer, ok := policy.OfferHosts(use, decision); ok {
		burst := confirm.Burst{Command: offer.Burst.Command, PID: offer.Burst.PID, Count: offer.Burst.Left, For: offer.For}
		question.Together = &confirm.Together{Like: offer.Like, Max: policy.MaxHosts, Offer: burst}
	}
	return question
}

func (s *session) grant(use *keys.Use, decision policy.Decision, question confirm.Question, answer confirm.Answer) (policy.Grant, error) {
	now := s.server.Now()
	if answer.Verdict == confirm.AllowBurst && question.Together != nil && question.Together.Announced != nil {
		return s.server.Grants.AddAnnounced(use, decision, answer.Hosts, now.Add(question.Together.Offer.For))
	}
	if answer.Verdict == confirm.AllowBurst && question.Together != nil {
		return s.server.Grants.AddHosts(use, decision, answer.Hosts, now.Add(question.Together.Offer.For))
	}
	if answer.Verdict == confirm.AllowBurst {
		return s.server.Grants.AddBurst(use, decision, now.Add(question.Burst.For))
	}
	return s.server.Grants.Add(use, decision, now.Add(min(answer.For, question.Remember)))
}

// signatureAlgorithm is the algorithm that key and flags ask for (RFC 9987
// section 5.6.1). Flags that are not known are refused, as the RFC says.
func signatureAlgorithm(key ssh.PublicKey, flags wire.SignatureFlags) (string, error) {
	if flags&^(wire.FlagRSASHA2_256|wire.FlagRSASHA2_512) != 0 {
		return "", fmt.Errorf("signature flags %#x are not known", uint32(flags))
	}
	plain := publickey.Certified(key)
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
