package upstream

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
)

// Adding is a Source that also hands the keys of ssh-add on to its agent. That
// is only for who has said so: the private key leaves this process.
type Adding struct{ *Source }

var _ keys.Adder = Adding{}

// Add implements keys.Adder. The key goes with all its constraints, or not at
// all. We hold to them, too, for as long as we run.
func (a Adding) Add(key keys.Added) (keys.Info, error) {
	info, err := a.infoOf(key)
	if err != nil {
		return info, a.wrap(err)
	}
	if len(key.Destinations) > 0 {
		// An agent could take the key and pass over the constraint, and nothing in
		// the protocol tells.
		return info, a.wrap(problem.New("a key with destination constraints is not handed on: whether the other agent keeps them is not known", "add it to that agent itself, or without add = true"))
	}
	conn, release, err := a.open(context.Background())
	if err != nil {
		return info, a.wrap(err)
	}
	defer release()
	if err := handOver(conn, key); err != nil {
		return info, a.wrap(problem.With(fmt.Errorf("the other agent does not take the key: %w", err), "add it there, or without add = true"))
	}
	return a.took(info, key), nil
}

func (a Adding) infoOf(key keys.Added) (keys.Info, error) {
	public, err := key.Public()
	if err != nil {
		return keys.Info{}, err
	}
	info := keys.NewInfo(public, key.Comment)
	info.Source = a.Name()
	return info, nil
}

// took lists the key at once, with its limits.
func (s *Source) took(info keys.Info, key keys.Added) keys.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	blob := string(info.Blob)
	s.given[blob] = key.Begin(time.Now())
	if key.Lifetime > 0 { // when the other agent has forgotten the key, so can we
		time.AfterFunc(key.Lifetime+fresh, s.wake)
	}
	delete(s.hidden, blob)
	s.limitLocked(&info)
	s.keys = slices.DeleteFunc(slices.Clone(s.keys), func(k keys.Info) bool { return string(k.Blob) == blob })
	s.keys = append(s.keys, info)
	s.wake() // a list that was being read just now lacks it
	return info
}

// limitLocked gives a key of the list the limits that we know of.
func (s *Source) limitLocked(info *keys.Info) {
	if limits, ours := s.given[string(info.Blob)]; ours {
		limits.Mark(info)
	}
}

// forgetExpiredLocked forgets the limits of keys that the other agent has no more: who
// adds one of them there again does so without us. An agent that lists nothing may be
// locked, and still have them.
func (s *Source) forgetExpiredLocked(list []keys.Info) {
	if len(list) == 0 {
		return
	}
	now := time.Now()
	maps.DeleteFunc(s.given, func(blob string, limits keys.ActiveLimits) bool {
		return limits.Expired(now) && !slices.ContainsFunc(list, func(info keys.Info) bool { return string(info.Blob) == blob })
	})
}
