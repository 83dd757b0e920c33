package audit

import (
	"sync"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// maxPlaces bounds what a History remembers: a person's keys times the hosts
// that they go to. Beyond it nothing more is said of new ones.
const maxPlaces = 20_000

// History is when each key was last used, and where: the part of an Index that
// a prompt shows. Its methods may be called concurrently.
type History struct {
	mu    sync.Mutex // guards the fields that follow
	ready bool       // the log was read to its end
	keys  map[string]time.Time
	at    map[place]time.Time
}

// place is a host that proved its key, or the namespace of a signature that goes to none.
type place struct{ fingerprint, host, namespace string }

// Past is what a History knows of a use's like.
type Past struct {
	Known bool      // false: it does not know; the times say nothing
	Key   time.Time // the last use of the key anywhere; zero: never
	Place bool      // the use has a place that can be recognized
	Here  time.Time // with Place: the last use of the key there; zero: never
}

func newHistory() *History {
	return &History{keys: map[string]time.Time{}, at: map[place]time.Time{}}
}

// loaded says that the log was read to its end.
func (h *History) loaded() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ready = h.keys != nil
}

// add notes one record.
func (h *History) add(r Record) {
	if !r.isSignature() {
		return
	}
	var purpose wire.Purpose
	if r.Purpose != nil {
		purpose = *r.Purpose
	}
	var destination keys.Destination
	if r.Destination != nil {
		destination = *r.Destination
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.at)+len(h.keys) >= maxPlaces {
		h.ready, h.keys, h.at = false, nil, nil // it would be wrong about the rest
	}
	if h.keys == nil {
		return
	}
	later(h.keys, r.Key.Fingerprint, r.Time)
	if p, ok := placeOf(r.Key.Fingerprint, purpose, destination); ok {
		later(h.at, p, r.Time)
	}
}

// later keeps the later time: records are added while older ones are still read.
func later[K comparable](times map[K]time.Time, key K, t time.Time) {
	if t.After(times[key]) {
		times[key] = t
	}
}

func placeOf(fingerprint string, p wire.Purpose, d keys.Destination) (place, bool) {
	switch {
	case p.Kind == wire.KindSSHSig:
		return place{fingerprint, "", clip(p.Namespace, MaxText)}, true
	case d.Trust.Proved() && d.Host.Fingerprint != "":
		return place{fingerprint, d.Host.Fingerprint, ""}, true
	}
	return place{}, false
}

// Of says what was before u.
func (h *History) Of(u *keys.Use) Past {
	h.mu.Lock()
	defer h.mu.Unlock()
	past := Past{Known: h.ready && u.Key.Fingerprint != "", Key: h.keys[u.Key.Fingerprint]}
	p, ok := placeOf(u.Key.Fingerprint, u.Purpose, u.Destination)
	past.Place, past.Here = ok, h.at[p]
	return past
}
