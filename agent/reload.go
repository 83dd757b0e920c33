package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// ErrRulesChanged means that other rules were put in force meanwhile.
var ErrRulesChanged = problem.New("the rules were changed by another reload meanwhile", "try again: keybroker policy reload")

// changesTheBroker reports whether an operation changes what the broker will decide,
// not what it holds: its record has the digest of the rules in force.
func changesTheBroker(op keys.Op) bool {
	return slices.Contains([]keys.Op{keys.OpStart, keys.OpReload, keys.OpRevoke, keys.OpPause, keys.OpResume, keys.OpLock, keys.OpUnlock}, op)
}

// Started writes down that the broker began to serve, and by which rules. Where that
// does not work, nothing is signed until it does, and this record comes first.
func (s *Server) Started(how string) {
	record := audit.Record{ID: newID(), Op: keys.OpStart, Decision: audit.Note, Reason: how, Rules: s.Rules().Digest()}
	if s.Claims != nil {
		record.Claims = s.Claims.Digest()
	}
	if _, err := s.write(record); err != nil {
		s.Log.Error("the audit log cannot be written", "operation", keys.OpStart, "error", err)
		s.Audit.Owe(record)
	}
}

// Ended writes down that the broker ends: what it would have seen ends here.
func (s *Server) Ended() {
	record := audit.Record{ID: newID(), Op: keys.OpEnd, Decision: audit.Note, Reason: "the broker ends"}
	if _, err := s.write(record); err != nil {
		s.Log.Error("the audit log cannot be written", "operation", keys.OpEnd, "error", err)
	}
}

// maxHeld is how many keys one record names, so that its line stays short.
const maxHeld = 500

// HoldsOthers writes down which keys the broker holds that it did not hold before, and
// which no longer: how long a key has been watched is known only from there.
func (s *Server) HoldsOthers(held, gone []audit.Key) error {
	for len(held)+len(gone) > 0 {
		record := audit.Record{ID: newID(), Op: keys.OpKeys, Decision: audit.Note}
		n := min(len(held), maxHeld)
		record.Held, held = held[:n], held[n:]
		n = min(len(gone), maxHeld-n)
		record.Gone, gone = gone[:n], gone[n:]
		record.Reason = fmt.Sprintf("the broker holds %s more and %d fewer", keys.Counted(len(record.Held), "key"), len(record.Gone))
		if _, err := s.write(record); err != nil {
			return err
		}
	}
	return nil
}

// Before is what a change of the rules begins from.
type Before struct {
	Rules *policy.Rules
	epoch *moment
}

// BeforeReload is what Reload is given after the new rules were compared, and the
// person was asked.
func (s *Server) BeforeReload() Before {
	now := s.epoch.now() // first: an epoch ends after its rules
	return Before{s.Rules(), now}
}

// Until is ctx, and ends when the person's answer would be void.
func (b Before) Until(ctx context.Context) (context.Context, context.CancelFunc) {
	return b.epoch.within(ctx)
}

// Reload puts other rules in force for peer, and ends every grant and what is
// asked. Those that are wider (policy.Widened) also drop the opened keys and
// PINs, and are not put in force without their record, or after a lock, a pause or
// a drop; a full disk must keep nobody from narrower ones.
func (s *Server) Reload(peer platform.Peer, before Before, new *policy.Rules, wider []string, how string) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	err := s.reload(peer, before, new, wider, how)
	if err != nil {
		s.ReloadRefused(peer, err)
	}
	return err
}

func (s *Server) reload(peer platform.Peer, before Before, new *policy.Rules, wider []string, how string) error {
	if s.Rules() != before.Rules {
		return ErrRulesChanged
	}
	if len(wider) == 0 && new.Digest() == before.Rules.Digest() { // nobody's question ends for that
		s.recordChange(s.newUse(keys.OpReload, peer), how+"; the rules are the same")
		return nil
	}
	if len(wider) > 0 {
		return s.widen(peer, before, new, how+"; they allow more: "+strings.Join(wider, "; "))
	}
	if err := s.writeReload(peer, new, how); err != nil {
		s.Log.Error("the audit log cannot be written", "operation", keys.OpReload, "error", err)
	}
	s.SetRules(new)
	return nil
}

// widen puts rules in force that allow more, unless the epoch ends before. Forget waits
// for cards: a lock or a pause that comes meanwhile counts, too.
func (s *Server) widen(peer platform.Peer, before Before, new *policy.Rules, how string) error {
	now, err := s.epoch.advanceFrom(before.epoch, rulesRead, func() {})
	if err != nil {
		return err
	}
	s.Ring.Forget()
	if err := now.err(); err != nil {
		return err
	}
	if err := s.writeReload(peer, new, how); err != nil {
		return noRecord(err)
	}
	_, err = s.epoch.advanceFrom(now, rulesRead, func() { s.putInForce(new) })
	return err
}

func (s *Server) writeReload(peer platform.Peer, new *policy.Rules, how string) error {
	use := s.newUse(keys.OpReload, peer)
	record := audit.FromUse(use)
	record.Decision, record.Reason, record.Rules = audit.Allowed, how, new.Digest()
	_, err := s.write(record)
	return err
}

// ReloadRefused writes down why the rules were not changed for peer.
func (s *Server) ReloadRefused(peer platform.Peer, why error) {
	s.refuse(s.newUse(keys.OpReload, peer), why)
}

// Revoke ends one grant for peer, or with "" all of them, and writes that down.
// False: there is no such grant.
func (s *Server) Revoke(peer platform.Peer, id string) bool {
	what, ok := s.endGrants(id)
	if !ok {
		return false
	}
	s.recordChange(s.newUse(keys.OpRevoke, peer), what)
	return true
}

// recordChange writes down, after the fact, that the broker was changed: a full
// disk must keep nobody from making it stricter. Any program of the user can do
// it without end, so such records have a budget.
func (s *Server) recordChange(use *keys.Use, what string) {
	record := audit.FromUse(use)
	record.Decision, record.Reason, record.Rules = audit.Allowed, what, s.Rules().Digest()
	s.writeOrCount(use, record)
}
