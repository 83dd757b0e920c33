package keys

import (
	"sync/atomic"
	"time"
)

// Limits are the constraints that any kind of key can be added with (RFC 9987 section
// 5.2, OpenSSH PROTOCOL.agent section 2).
type Limits struct {
	Lifetime     time.Duration           // 0: no limit
	Confirm      bool                    // the person is asked at each use
	Destinations []DestinationConstraint // empty: everywhere
}

// ActiveLimits are the limits of a key whose lifetime has begun.
type ActiveLimits struct {
	limits Limits
	end    time.Time // with a monotonic clock reading, unlike wall; zero: none
	wall   time.Time
	over   *atomic.Bool // was found expired; shared by all copies
}

// Begin starts the lifetime now.
func (l Limits) Begin(now time.Time) ActiveLimits {
	active := ActiveLimits{limits: l, over: new(atomic.Bool)}
	if l.Lifetime > 0 {
		active.end = now.Add(l.Lifetime)
		active.wall = active.end.Round(0)
	}
	return active
}

// Mark sets the limits in info.
func (a ActiveLimits) Mark(info *Info) {
	info.Confirm, info.Destinations, info.Expires = a.limits.Confirm, a.limits.Destinations, a.wall
}

// Expired reports whether the lifetime is over. It reads both clocks, and the one that
// is ahead counts: the wall clock runs while the machine sleeps, and the monotonic
// clock cannot be set back. What was once found expired stays so, also when the wall
// clock is set back.
func (a ActiveLimits) Expired(now time.Time) bool {
	if a.end.IsZero() {
		return false
	}
	if !now.Before(a.end) || !now.Round(0).Before(a.wall) {
		a.over.Store(true)
	}
	return a.over.Load()
}
