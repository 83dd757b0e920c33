package agent

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// waiting are the requests that wait for the person. When a grant is made, it
// answers those among them that it covers. The zero value is ready.
type waiting struct {
	mu       sync.Mutex // guards requests; taken after epoch.mu, before the grants' own
	requests map[*request]struct{}
}

// request is one that waits.
type request struct {
	use      *keys.Use
	decision policy.Decision
	withdraw context.CancelCauseFunc
}

// covered is why a question was withdrawn: a grant allows what it asks.
type covered struct{ grant policy.Grant }

func (c covered) Error() string { return "grant " + c.grant.ID + " covers it" }
func (c covered) Unwrap() error { return confirm.ErrAllowed }

// enter lets grants answer r until leave.
func (w *waiting) enter(r *request) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.requests == nil {
		w.requests = map[*request]struct{}{}
	}
	w.requests[r] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.requests, r)
	}
}

// answer answers the requests that a grant covers now.
func (s *Server) answer() {
	s.waiting.mu.Lock()
	defer s.waiting.mu.Unlock()
	for r := range s.waiting.requests {
		if grant, ok := s.granted(r.use, r.decision); ok {
			r.withdraw(covered{grant})
			delete(s.waiting.requests, r)
		}
	}
}

// granted is the grant that allows what the rules ask about. It holds only where
// one would be offered again: not when it is in doubt whether a rule refuses.
func (s *Server) granted(use *keys.Use, decision policy.Decision) (policy.Grant, bool) {
	if policy.Offer(use, decision) <= 0 {
		return policy.Grant{}, false
	}
	return s.Grants.Match(use, s.Now())
}

// allowedBy is decision as grant allows it.
func allowedBy(grant policy.Grant, decision policy.Decision) policy.Decision {
	decision.Action, decision.Grant, decision.Why = policy.Allow, grant.ID, policy.GrantReason(grant, decision.Why)
	return decision
}

// deny remembers that the person said no to a login of a proved session. ssh
// tries its other keys next: they lead to the same place.
func (s *session) deny(use *keys.Use) {
	if use.Purpose.Kind == wire.KindLogin && use.Destination.Trust.Proved() {
		s.denied = bytes.Clone(use.Purpose.SessionID) // the message is wiped
	}
}

// mayAskAgain refuses to ask about the same session again.
func (s *session) mayAskAgain(use *keys.Use, decision policy.Decision) error {
	if s.denied == nil || use.Purpose.Kind != wire.KindLogin || !bytes.Equal(s.denied, use.Purpose.SessionID) {
		return nil
	}
	return refusal{reason: fmt.Sprintf("denied by the person for another key, and so for this login as %.64q", use.Purpose.User),
		rule: decision.Rule, remedy: "connect again to be asked again"}
}
