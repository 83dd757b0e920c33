package agent

import (
	"context"
	"fmt"
	"sync"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
)

// epoch is the time between two events that end what was allowed: a lock, a
// pause, new rules, a revoked grant, a drop. An answer, a PIN or a grant counts
// only in the epoch in which the person was asked.
type epoch struct {
	mu   sync.Mutex // guards the field that follows; held while grants are made and revoked
	last *moment
}

// moment identifies an epoch. A request keeps it from before its decision to its end.
type moment struct {
	over context.Context // ends with the epoch; its cause says how
	end  context.CancelCauseFunc
}

func newEpoch() *epoch { return &epoch{last: newMoment()} }

func newMoment() *moment {
	over, end := context.WithCancelCause(context.Background())
	return &moment{over, end}
}

// now returns the current epoch. Call it before reading the rules.
func (e *epoch) now() *moment {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

// advance ends the epoch because of why ("the agent was locked"), and calls do
// before the next one begins. do must not block.
func (e *epoch) advance(why string, do func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	do()
	e.last.end(refusal{reason: why + " before the request was done", remedy: "try again"})
	e.last = newMoment()
}

// advanceFrom is advance for an epoch that is not over yet; otherwise it returns how it
// ended. next is the epoch that begins.
func (e *epoch) advanceFrom(m *moment, why string, do func()) (next *moment, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := m.err(); err != nil {
		return nil, err
	}
	do()
	e.last.end(refusal{reason: why + " before the request was done", remedy: "try again"})
	e.last = newMoment()
	return e.last, nil
}

// during calls do while the epoch lasts, or returns why it is over.
func (e *epoch) during(m *moment, do func() error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := m.err(); err != nil {
		return err
	}
	return do()
}

// err is nil while the epoch lasts; then it is a refusal that says how it ended.
func (m *moment) err() error { return context.Cause(m.over) }

// SetRules replaces the rules. All grants end, and so does every unfinished request
// that was decided or asked about under the old rules, unless the new rules allow it
// without a question. To close keys and PINs as well, call Drop first.
func (s *Server) SetRules(rules *policy.Rules) {
	s.epoch.advance(rulesRead, func() { s.putInForce(rules) })
}

// rulesRead is why an epoch ended.
const rulesRead = "the rules were read again"

func (s *Server) putInForce(rules *policy.Rules) {
	s.rules.Store(rules)
	s.Grants.RevokeAll()
}

// endGrants ends one grant, or with "" all of them, and every request that is not
// done. It returns what ended, in words; false: there is no such grant.
func (s *Server) endGrants(id string) (what string, ok bool) {
	if id != "" {
		grant, ok := s.Grants.Revoke(id)
		if !ok {
			return "", false
		}
		what = fmt.Sprintf("the grant %s: %s, %s", id, grant.Fingerprint, grant.Purpose)
	}
	s.epoch.advance("a grant was revoked", func() {
		if id == "" {
			what = fmt.Sprintf("every grant: %d", s.Grants.RevokeAll())
		}
	})
	return what, true
}

// stillAllowed returns why a decision no longer holds, or nil. After the epoch in
// which it was made, a decision holds only if it needed no question and the rules
// and grants of now allow the use as well.
func (s *session) stillAllowed(use *keys.Use, decision policy.Decision, m *moment) error {
	if err := s.server.mayUseKeys(); err != nil {
		return err
	}
	err := m.err()
	if err == nil || decision.Action != policy.Allow {
		return err
	}
	s.forgetNames() // other rules mention other names
	use.Destination = s.destination(use.Purpose)
	now := s.rules().Decide(use)
	if _, ok := s.server.granted(use, now); ok || now.Action == policy.Allow {
		return nil
	}
	return err
}
