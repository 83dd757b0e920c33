package keys

import "time"

// Limits are the constraints that a key of every kind may come with (RFC 9987
// section 5.2, OpenSSH PROTOCOL.agent section 2).
type Limits struct {
	Lifetime     time.Duration           // 0: no limit
	Confirm      bool                    // the person is asked at each use
	Destinations []DestinationConstraint // empty: everywhere
}

// ActiveLimits are the limits of a key that a source holds. Its lifetime has begun.
type ActiveLimits struct {
	limits Limits
	end    time.Time // with the reading of the monotonic clock, which wall lacks; zero: none
	wall   time.Time
}

// Begin starts the lifetime now.
func (l Limits) Begin(now time.Time) ActiveLimits {
	active := ActiveLimits{limits: l}
	if l.Lifetime > 0 {
		active.end = now.Add(l.Lifetime)
		active.wall = active.end.Round(0)
	}
	return active
}

// Mark writes the limits into what is listed of a key.
func (a ActiveLimits) Mark(info *Info) {
	info.Confirm, info.Destinations, info.Expires = a.limits.Confirm, a.limits.Destinations, a.wall
}

// Expired says whether the lifetime is over. It reads both clocks, and the one that
// is ahead counts: the wall clock goes on while the machine sleeps, and the monotonic
// one cannot be set back. So it is right where a timer would be late.
func (a ActiveLimits) Expired(now time.Time) bool {
	return !a.end.IsZero() && (!now.Before(a.end) || !now.Round(0).Before(a.wall))
}
