package agent

import (
	"context"
	"fmt"
	"sync"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
)

// epoch is the time between two events that end what was allowed: a lock, a
// pause, new rules, a revoked grant, a drop. What a person was asked in one epoch
// they did not answer for the next: a late answer, PIN or grant is void.
type epoch struct {
	mu   sync.Mutex // guards the field that follows; held while grants are made and revoked
	last *moment
}

// moment is one epoch, as a request keeps it from before its decision to its end.
type moment struct {
	over context.Context // ends with the epoch; its cause says how
	end  context.CancelCauseFunc
}

func newEpoch() *epoch { return &epoch{last: newMoment()} }

func newMoment() *moment {
	over, end := context.WithCancelCause(context.Background())
	return &moment{over, end}
}

// now is the epoch that lasts. Take it before the rules are read.
func (e *epoch) now() *moment {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

// advance ends the epoch because of why ("the agent was locked") and does what
// belongs to it before the next one begins. do must wait for nothing.
func (e *epoch) advance(why string, do func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	do()
	e.last.end(refusal{reason: why + " before the request was done", remedy: "try again"})
	e.last = newMoment()
}

// advanceFrom is advance, unless the epoch is over already: then it says how that ended.
func (e *epoch) advanceFrom(m *moment, why string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := m.err(); err != nil {
		return err
	}
	e.last.end(refusal{reason: why + " before the request was done", remedy: "try again"})
	e.last = newMoment()
	return nil
}

// during does something that must not outlast the epoch, or returns why it is over.
func (e *epoch) during(m *moment, do func() error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := m.err(); err != nil {
		return err
	}
	return do()
}

// err is a refusal when the epoch is over, and says how it ended.
func (m *moment) err() error { return context.Cause(m.over) }

// within is ctx, and ends with the epoch too: then questions are withdrawn.
func (m *moment) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(m.over, func() { cancel(m.err()) })
	return ctx, func() { stop(); cancel(nil) }
}

// SetRules replaces the rules. All grants end, and so does every request that
// was decided or asked about under the old ones and is not done, unless the new
// rules allow it by themselves. To close keys and PINs as well, Drop them first.
func (s *Server) SetRules(rules *policy.Rules) {
	s.epoch.advance("the rules were read again", func() {
		s.rules.Store(rules)
		s.Grants.RevokeAll()
	})
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

// void is why what was decided in an epoch holds no more, or nil. What a rule or
// a grant allows with nobody asked may still hold by those of now.
func (s *session) void(use *keys.Use, decision policy.Decision, m *moment) error {
	if err := s.server.stopped(); err != nil {
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
