package report

import (
	"fmt"
	"strconv"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
)

// addUses finds the last use of every door, and since when it is watched.
func (b *building) addUses() {
	uses := lifecycle.NewUses(&b.Inventory)
	for fingerprint, key := range b.keys {
		key.LastUsed = uses.LastOf(fingerprint)
	}
	for n, place := range b.Places {
		door, last := b.Doors[n], uses.Last(place)
		door.LastUsed, door.By, door.Watched = last.Last, by(last), uses.Watched(place)
		b.countUse(door)
	}
	for _, watch := range b.Watches {
		if b.Since.IsZero() || watch.Since.Before(b.Since) {
			b.Since = watch.Since
		}
	}
}

func (b *building) countUse(door *Door) {
	switch {
	case !door.LastUsed.IsZero():
	case door.Watched.IsZero():
		b.Unwatched++
	default:
		b.Unused++
	}
}

func by(seen lifecycle.Sighting) string {
	text := seen.Source
	if seen.From != "" {
		text += " from " + show(seen.From)
	}
	if seen.Program != "" {
		text += " by " + show(seen.Program)
	}
	return text
}

// headline is what the reader should remember.
func (r *Report) headline() string {
	authorisations := func(n int) string { return plural(n, "authorisation") }
	switch {
	case len(r.Doors) == 0:
		return "No authorised key was found in this run; hosts are read with: keybroker inventory --hosts-from known_hosts"
	case r.Since.IsZero():
		return fmt.Sprintf("Nobody has watched yet: %d of %s %s a known use, and of the others nothing can be said",
			len(r.Doors)-r.Unwatched, authorisations(len(r.Doors)), has(len(r.Doors)-r.Unwatched))
	}
	text := fmt.Sprintf("%d of %s %s no known use since we began to watch on %s", r.Unused, authorisations(len(r.Doors)), has(r.Unused), date(r.Since))
	switch {
	case r.Unwatched == 1:
		text += "; 1 more is not watched"
	case r.Unwatched > 1:
		text += fmt.Sprintf("; %d more are not watched", r.Unwatched)
	}
	return text
}

// date is a day as the reader knows it: with the year if it is not this one.
func date(day time.Time) string {
	if day.Year() != now().Year() {
		return day.Format("2 Jan 2006")
	}
	return day.Format("2 Jan")
}

var now = time.Now

func count(n int) string { return strconv.Itoa(n) }

func has(n int) string {
	if n == 1 {
		return "has"
	}
	return "have"
}

func plural(n int, one string) string { return count(n) + " " + noun(n, one) }

func noun(n int, one string) string {
	if n == 1 {
		return one
	}
	return one + "s"
}

// Day is one day, in UTC.
type Day struct {
	Day     time.Time
	Uses    int     // of sightings that began and ended that day
	Spread  float64 // of sightings of several days: their uses, spread evenly
	Watched bool    // by anything
}

// mostDays is what a plot of days shows.
const mostDays = 120

// days are the last ones until the inventory.
func days(inventory lifecycle.Inventory) []Day {
	end := inventory.Taken.UTC().Truncate(day)
	list := make([]Day, mostDays)
	for n := range list {
		list[n].Day = end.Add(time.Duration(n-mostDays+1) * day)
		for _, watch := range inventory.Watches {
			if watch.Since.Before(list[n].Day.Add(day)) && watch.Until.After(list[n].Day) {
				list[n].Watched = true
				break
			}
		}
	}
	for _, seen := range inventory.Sightings {
		if seen.Source != lifecycle.FromProbe {
			addDays(list, seen)
		}
	}
	return list
}

const day = 24 * time.Hour

func addDays(list []Day, seen lifecycle.Sighting) {
	from, until := seen.First.UTC().Truncate(day), seen.Last.UTC().Truncate(day)
	length := int(until.Sub(from)/day) + 1
	for n := range list {
		switch {
		case list[n].Day.Before(from) || list[n].Day.After(until):
		case length == 1:
			list[n].Uses += seen.Count
		default:
			list[n].Spread += float64(seen.Count) / float64(length)
		}
	}
}
