package agent

import (
	"fmt"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// Any program of the user can report lifecycle steps, and annotate keys. Each has a record
// of its own, because a proof names it, so they have a budget.
const (
	// stepBurst records are 8 MB: a plan over a thousand hosts.
	stepBurst = 10_000
	// stepRefill is the time after which one more is allowed: 65 MB a day.
	stepRefill = time.Second
)

var tooManySteps = refusal{reason: "too many lifecycle steps and annotations of keys were recorded",
	remedy: "wait: one a second may follow; see which program records them: keybroker log --op lifecycle,annotate"}

// steps is the budget of lifecycle records. The zero value is ready.
type steps struct {
	mu     sync.Mutex // guards bucket
	bucket bucket
}

func (s *steps) take(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bucket.take(now, stepBurst, stepRefill)
}

// RecordStep writes a note of what peer says that it did with a key on a host. After an
// error there is no record.
func (s *Server) RecordStep(peer platform.Peer, step audit.Step) (audit.Record, error) {
	if err := step.Check(); err != nil {
		return audit.Record{}, err
	}
	use := s.newUse(keys.OpLifecycle, peer)
	if !s.steps.take(use.Time) {
		return audit.Record{}, tooManySteps
	}
	use.Key = s.known(step.Fingerprint)
	step = step.Clipped()
	record := audit.FromUse(use)
	record.Decision, record.Step = audit.Note, &step
	record.Reason = fmt.Sprintf("plan %s, step %s: %s", step.Plan, step.Step, step.State)
	if step.Detail != "" {
		record.Reason += ": " + step.Detail
	}
	written, err := s.write(record)
	if err != nil {
		return audit.Record{}, noRecord(err)
	}
	return written, nil
}

// known is the key with this fingerprint, with no more than the fingerprint if the agent
// does not hold it.
func (s *Server) known(fingerprint string) keys.Info {
	if fingerprint == "" {
		return keys.Info{}
	}
	for _, info := range s.Ring.List() {
		if info.Fingerprint == fingerprint {
			return info
		}
	}
	return keys.Info{Fingerprint: fingerprint}
}
