package agent

import (
	"slices"
	"sync"

	"github.com/keybroker/keybroker/agent/audit"
)

const (
	// maxRefusals are kept for `keybroker why`; the audit log has them all, or
	// their number.
	maxRefusals = 100
	// maxOfKind are those of one kind.
	maxOfKind = 5
)

// refusals keeps the last ones, in such a way that no client's push out those
// of the others. The zero value is ready.
type refusals struct {
	mu   sync.Mutex // guards last
	last []kept
}

// kept is one refusal. Its record stands for all those that were counted.
type kept struct {
	record  audit.Record
	kind    kind
	counted bool
}

// add keeps a refusal. One that was counted, and not written by itself, takes
// the place of the last such one.
func (r *refusals) add(one kept) {
	r.mu.Lock()
	defer r.mu.Unlock()
	isSameKind := func(other kept) bool { return other.kind == one.kind }
	if one.counted {
		one.record.Repeats = 1
		if i := slices.IndexFunc(r.last, func(other kept) bool { return isSameKind(other) && other.counted }); i >= 0 {
			one.record.Repeats += r.last[i].record.Repeats
			r.last = slices.Delete(r.last, i, i+1)
		}
	}
	if count(r.last, isSameKind) >= maxOfKind {
		r.dropFirst(isSameKind)
	}
	if len(r.last) >= maxRefusals {
		r.dropOne()
	}
	r.last = append(r.last, one)
}

// dropOne drops the oldest refusal of the program, on its socket, that has most.
func (r *refusals) dropOne() {
	most, fewest := kept{}, 0
	for _, one := range r.last {
		if n := count(r.last, one.sameOrigin); n > fewest {
			most, fewest = one, n
		}
	}
	r.dropFirst(most.sameOrigin)
}

// sameOrigin goes by the program's file: one that starts itself anew is the same.
func (k kept) sameOrigin(other kept) bool {
	return k.kind.socket == other.kind.socket && k.program() == other.program()
}

func (k kept) program() string {
	if k.record.Peer == nil {
		return ""
	}
	return k.record.Peer.Exe
}

func (r *refusals) dropFirst(which func(kept) bool) {
	if i := slices.IndexFunc(r.last, which); i >= 0 {
		r.last = slices.Delete(r.last, i, i+1)
	}
}

func count(list []kept, which func(kept) bool) (n int) {
	for _, one := range list {
		if which(one) {
			n++
		}
	}
	return n
}

// Refusals returns the last refusals, oldest first: also those that the audit
// log could not take.
func (s *Server) Refusals() []audit.Record {
	s.refusals.mu.Lock()
	defer s.refusals.mu.Unlock()
	list := make([]audit.Record, 0, len(s.refusals.last))
	for _, one := range s.refusals.last {
		list = append(list, one.record)
	}
	return list
}
