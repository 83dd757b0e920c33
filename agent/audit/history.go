package audit

import (
	"sync"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// History knows when each key was last used, and where: the part of an Index that
// prompts show. Its methods may be called concurrently.
type History struct {
	mu     sync.Mutex // guards the fields below
	ready  bool       // the whole log was read
	keys   map[string]time.Time
	places map[place]time.Time
}

// place is a host that proved its key, or the namespace of a signature that goes
// to no host.
type place struct{ fingerprint, host, namespace string }

// Past is what a History knows about earlier uses like one.
type Past struct {
	Known     bool      // false: the times mean nothing
	KeyUsed   time.Time // the last use of the key anywhere; zero: never
	HasPlace  bool      // the use has a place that can be recognized
	PlaceUsed time.Time // with HasPlace: the last use of the key there; zero: never
}

func newHistory() *History {
	return &History{keys: map[string]time.Time{}, places: map[place]time.Time{}}
}

// loaded notes that the whole log was read. cut: it has more places than are known.
func (h *History) loaded(cut bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if cut {
		h.keys, h.places = nil, nil
	}
	h.ready = h.keys != nil
}

// learn notes a part of the log.
func (h *History) learn(p *part) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for fingerprint, k := range p.Keys {
		if k.Count == 0 || !h.roomLocked() {
			continue
		}
		keepLater(h.keys, fingerprint, k.Last)
		for w, s := range k.Places {
			if !h.roomLocked() {
				return
			}
			switch {
			case w.Namespace != "":
				keepLater(h.places, place{fingerprint, "", w.Namespace}, s.Last)
			case w.Host != "":
				keepLater(h.places, place{fingerprint, w.Host, ""}, s.Last)
			}
		}
	}
}

// roomLocked reports whether one more place is remembered. If there are too many, none
// is: it would be wrong about the others.
func (h *History) roomLocked() bool {
	if len(h.places)+len(h.keys) >= maxPlaces {
		h.ready, h.keys, h.places = false, nil, nil
	}
	return h.keys != nil
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
	if !h.roomLocked() {
		return
	}
	keepLater(h.keys, r.Key.Fingerprint, r.Time)
	if p, ok := placeOf(r.Key.Fingerprint, purpose, destination); ok {
		keepLater(h.places, p, r.Time)
	}
}

// keepLater keeps the later time: new records are added while old ones are read.
func keepLater[K comparable](times map[K]time.Time, key K, t time.Time) {
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

// Past returns the earlier uses of the key of u.
func (h *History) Past(u *keys.Use) Past {
	h.mu.Lock()
	defer h.mu.Unlock()
	past := Past{Known: h.ready && u.Key.Fingerprint != "", KeyUsed: h.keys[u.Key.Fingerprint]}
	p, ok := placeOf(u.Key.Fingerprint, u.Purpose, u.Destination)
	past.HasPlace, past.PlaceUsed = ok, h.places[p]
	return past
}
