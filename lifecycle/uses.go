package lifecycle

import (
	"slices"
	"time"
)

// WatchLag is how long before an inventory a watch may end and still reach until it:
// logs are read by timers.
const WatchLag = 24 * time.Hour

// Uses answers who used a place, and who would have seen it, from one inventory.
type Uses struct {
	taken     time.Time
	sightings map[string][]Sighting // by fingerprint; without probes
	watches   []Watch
	only      map[string]bool // keys whose private half is in the broker and in no known file
}

// NewUses reads an inventory, which must not change afterwards.
func NewUses(inventory *Inventory) *Uses {
	u := &Uses{taken: inventory.Taken, sightings: map[string][]Sighting{}, watches: inventory.Watches, only: map[string]bool{}}
	for _, seen := range inventory.Sightings {
		if seen.Source != FromProbe { // an open door, which nobody used
			u.sightings[seen.Fingerprint] = append(u.sightings[seen.Fingerprint], seen)
		}
	}
	for _, key := range inventory.Keys {
		u.only[key.Fingerprint] = key.Source != ""
	}
	for _, file := range inventory.Copies {
		u.only[file.Fingerprint] = false
	}
	return u
}

// Last is the last use of a place; its Last is zero if none is known. A source that
// does not tell the account may mean any.
func (u *Uses) Last(place Place) (last Sighting) {
	for _, seen := range u.sightings[place.Fingerprint] {
		if seen.Last.After(last.Last) && seen.Host.Same(place.Host) && (seen.Account == "" || seen.Account == place.Account) {
			last = seen
		}
	}
	return last
}

// LastOf is the last use of a key anywhere; zero if none is known.
func (u *Uses) LastOf(fingerprint string) (last time.Time) {
	for _, seen := range u.sightings[fingerprint] {
		if seen.Last.After(last) {
			last = seen.Last
		}
	}
	return last
}

// Watched is the beginning of the stretch, without a gap until the inventory, in which
// every use of a place would have been seen; zero: there is none. The log of a server
// and a forge show all uses there. The broker shows those of a key that it alone holds.
func (u *Uses) Watched(place Place) (since time.Time) {
	for _, watch := range u.over(place) {
		if u.taken.Sub(watch.Until) <= WatchLag && (since.IsZero() || watch.Since.Before(since)) {
			since = watch.Since
		}
	}
	return since
}

// WatchedFor is how long a place was watched after a time, without the gaps.
func (u *Uses) WatchedFor(place Place, after time.Time) (total time.Duration) {
	for _, watch := range u.over(place) { // oldest first
		if watch.Since.After(after) {
			after = watch.Since
		}
		if watch.Until.After(after) {
			total += watch.Until.Sub(after)
			after = watch.Until
		}
	}
	return total
}

// over are the watches that see every use of a place, oldest first.
func (u *Uses) over(place Place) (list []Watch) {
	for _, watch := range u.watches {
		sees := watch.Host.Same(place.Host)
		if watch.Source == FromBroker {
			sees = u.only[place.Fingerprint] && watch.Fingerprint == place.Fingerprint
		}
		if sees {
			list = append(list, watch)
		}
	}
	slices.SortFunc(list, func(a, b Watch) int { return a.Since.Compare(b.Since) })
	return list
}
