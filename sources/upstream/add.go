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

// Adding is a Source that also passes keys from ssh-add on to its agent. The
// configuration must ask for that: the private key leaves this process.
type Adding struct{ *Source }

var _ keys.Adder = Adding{}

// Add implements keys.Adder. The key is passed on with all its constraints, or not
// at all. We enforce them too, as long as we run.
func (a Adding) Add(key keys.Added) (keys.Info, error) {
	info, err := a.infoOf(key)
	if err != nil {
		return info, a.wrap(err)
	}
	if len(key.Destinations) > 0 {
		// An agent could accept the key and ignore the constraint, and the protocol
		// would not show it.
		return info, a.wrap(problem.New("a key with destination constraints is not passed on: the other agent might ignore them", "add it to that agent itself, or without add = true"))
	}
	conn, release, err := a.open(context.Background())
	if err != nil {
		return info, a.wrap(err)
	}
	defer release()
	if err := handOver(conn, key); err != nil {
		return info, a.wrap(problem.With(fmt.Errorf("the other agent does not accept the key: %w", err), "add it there, or without add = true"))
	}
	return a.listAdded(info, key), nil
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

// listAdded lists the key at once, with its limits.
func (s *Source) listAdded(info keys.Info, key keys.Added) keys.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	blob := string(info.Blob)
	s.given[blob] = key.Begin(time.Now())
	if key.Lifetime > 0 { // read the list when the other agent has dropped the key
		time.AfterFunc(key.Lifetime+listMaxAge, s.wake)
	}
	delete(s.hidden, blob)
	s.limitLocked(&info)
	s.keys = slices.DeleteFunc(slices.Clone(s.keys), func(k keys.Info) bool { return string(k.Blob) == blob })
	s.keys = append(s.keys, info)
	s.editedLocked()
	return info
}

// limitLocked gives a listed key the limits that we know.
func (s *Source) limitLocked(info *keys.Info) {
	if limits, ours := s.given[string(info.Blob)]; ours {
		limits.Mark(info)
	}
}

// forgetExpiredLocked forgets the limits of expired keys that the other agent no
// longer lists: if one is added there again, the limits do not apply.
// An agent that lists nothing may be locked, and still hold them.
func (s *Source) forgetExpiredLocked(list []keys.Info) {
	if len(list) == 0 {
		return
	}
	now := time.Now()
	maps.DeleteFunc(s.given, func(blob string, limits keys.ActiveLimits) bool {
		return limits.Expired(now) && !slices.ContainsFunc(list, func(info keys.Info) bool { return string(info.Blob) == blob })
	})
}
