package audit

import (
	"cmp"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// maxPlaces bounds what is known of one month: a person's keys times their hosts. What
// is beyond it is counted, but not told apart.
const maxPlaces = 20_000

// sums are what the records of a part add up to.
type sums struct {
	Keys map[string]*keySum `json:"keys"` // by fingerprint
	Runs runs               `json:"runs"`
	Cut  bool               `json:"cut,omitempty"` // there were more than maxPlaces
	size int                // keys and places; it is counted anew in an index that was read
}

// unbounded are the sums of months that were bounded each.
func unbounded() sums { return sums{size: math.MinInt / 2} }

// keySum sums up the allowed signatures of one key.
type keySum struct {
	First    time.Time      `json:"first,omitzero"`
	Last     time.Time      `json:"last,omitzero"`
	Count    int            `json:"count,omitempty"`
	Places   places         `json:"places,omitempty"`
	Programs map[string]int `json:"programs,omitempty"` // uses by base name
	Held     turns          `json:"held,omitempty"`     // when the broker got and lost the key
	Source   string         `json:"source,omitempty"`   // keys.Info.Source, when the broker got it last
}

// where is a place that a key was used at. Fields that a use does not have are empty.
type where struct {
	Host        string `json:"host,omitempty"` // fingerprint of the host's key, if it proved it
	Name        string `json:"name,omitempty"` // of that host
	User        string `json:"user,omitempty"` // account there
	Namespace   string `json:"namespace,omitempty"`
	Login       bool   `json:"login,omitempty"`
	Certificate bool   `json:"certificate,omitempty"`
}

// span is when and how often something happened.
type span struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Count int       `json:"count"`
}

func (s span) join(next span) span {
	if s.Count == 0 {
		return next
	}
	if next.First.Before(s.First) {
		s.First = next.First
	}
	if next.Last.After(s.Last) {
		s.Last = next.Last
	}
	s.Count += next.Count
	return s
}

func (s *sums) add(g *glimpse, d *detail) {
	s.Runs.add(g.time, g.op)
	for _, key := range d.Held {
		s.hold(&key, g.time, false)
	}
	for _, key := range d.Gone {
		s.hold(&key, g.time, true)
	}
	if g.decision != Allowed || d.Key == nil || g.op != keys.OpSign && g.op != keys.OpAdd {
		return
	}
	s.hold(d.Key, g.time, false)
	if g.op == keys.OpSign && !ByInventory(d.Peer) {
		s.use(d, span{g.time, g.time, 1})
	}
}

// key returns the sum of a key; nil: there is no room.
func (s *sums) key(fingerprint string) *keySum {
	k := s.Keys[fingerprint]
	if k == nil && s.room() {
		if s.Keys == nil {
			s.Keys = map[string]*keySum{}
		}
		k = &keySum{}
		s.Keys[fingerprint] = k
	}
	return k
}

// room takes the room of one more key or place.
func (s *sums) room() bool {
	if s.size >= maxPlaces {
		s.Cut = true
		return false
	}
	s.size++
	return true
}

func (s *sums) hold(key *Key, at time.Time, gone bool) {
	if k := s.key(key.Fingerprint); k != nil {
		k.Held.add(turn{at, gone})
		k.Source = key.Source
	}
}

func (s *sums) use(d *detail, one span) {
	k := s.key(d.Key.Fingerprint)
	if k == nil {
		return
	}
	k.setSpan(k.span().join(one))
	s.place(k, whereOf(d), one)
	if d.Peer != nil && d.Peer.Program != "" {
		s.program(k, d.Peer.Program, 1)
	}
}

func (k *keySum) span() span     { return span{k.First, k.Last, k.Count} }
func (k *keySum) setSpan(s span) { k.First, k.Last, k.Count = s.First, s.Last, s.Count }

func (s *sums) place(k *keySum, w where, one span) {
	if _, known := k.Places[w]; !known && !s.room() {
		return
	}
	if k.Places == nil {
		k.Places = places{}
	}
	k.Places[w] = k.Places[w].join(one)
}

func (s *sums) program(k *keySum, name string, count int) {
	if _, known := k.Programs[name]; !known && !s.room() {
		return
	}
	if k.Programs == nil {
		k.Programs = map[string]int{}
	}
	k.Programs[name] += count
}

func whereOf(d *detail) (w where) {
	if p := d.Purpose; p != nil {
		w.Login = p.Kind == wire.KindLogin
		w.User = p.User
		w.Certificate = strings.HasSuffix(p.Algorithm, wire.CertificateSuffix)
		if p.Kind == wire.KindSSHSig {
			w.Namespace = p.Namespace
		}
	}
	if d.Destination != nil && d.Destination.Trust.Proved() {
		w.Host, w.Name = d.Destination.Host.Fingerprint, d.Destination.Name()
	}
	return w
}

// join adds the sums of the records that follow.
func (s *sums) join(next *sums) {
	s.Cut = s.Cut || next.Cut
	s.Runs.join(next.Runs)
	for fingerprint, more := range next.Keys {
		k := s.key(fingerprint)
		if k == nil {
			continue
		}
		if more.Count > 0 {
			k.setSpan(k.span().join(more.span()))
		}
		for _, t := range more.Held {
			k.Held.add(t)
		}
		k.Source = cmp.Or(more.Source, k.Source)
		for w, one := range more.Places {
			s.place(k, w, one)
		}
		for name, count := range more.Programs {
			s.program(k, name, count)
		}
	}
}

// count counts the size anew.
func (s *sums) count() {
	s.size = len(s.Keys)
	for _, k := range s.Keys {
		s.size += len(k.Places) + len(k.Programs)
	}
}

// places is written as a list, because JSON has no other keys than texts.
type places map[where]span

type placeSpan struct {
	where
	span
}

// MarshalJSON implements json.Marshaler.
func (p places) MarshalJSON() ([]byte, error) {
	list := make([]placeSpan, 0, len(p))
	for w, s := range p {
		list = append(list, placeSpan{w, s})
	}
	return json.Marshal(list)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *places) UnmarshalJSON(text []byte) error {
	var list []placeSpan
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	*p = make(places, len(list))
	for _, one := range list {
		(*p)[one.where] = (*p)[one.where].join(one.span)
	}
	return nil
}
