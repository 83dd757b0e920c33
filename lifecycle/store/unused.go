package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
)

// UnusedPlace is a place without a known use since some time.
type UnusedPlace struct {
	lifecycle.Place
	LastUsed time.Time // zero: no use is known
	Watched  time.Time // since when its host is watched, without a gap until now; zero: it is not

	host []byte
}

// UseCounts counts the places that are there now.
type UseCounts struct {
	Used       int `json:"used"`
	Unused     int `json:"unused"`      // not used since then, and watched the whole time
	NotWatched int `json:"not_watched"` // no use is known since then, but it may have been missed
}

// CountUnused counts the places that were used since a time, and those that were not.
// The three questions are asked at once: with 50,000 hosts each takes a while.
func (s *Store) CountUnused(ctx context.Context, since time.Time) (counts UseCounts, err error) {
	var watched map[string]time.Time
	var used, all map[string]int
	var errs [3]error
	var work sync.WaitGroup
	work.Go(func() { watched, errs[0] = s.watchedHosts(ctx) })
	work.Go(func() {
		used, errs[1] = s.countByHost(ctx, "SELECT host, count(*) FROM places WHERE gone = 0 AND last_used > 0 AND last_used >= $1 GROUP BY host", millis(since))
	})
	work.Go(func() {
		all, errs[2] = s.countByHost(ctx, "SELECT host, sum(places) FROM accounts GROUP BY host")
	})
	work.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return counts, err
	}
	for host, places := range all {
		counts.Used += used[host]
		if from := watched[host]; from.IsZero() || from.After(since) {
			counts.NotWatched += places - used[host]
		} else {
			counts.Unused += places - used[host]
		}
	}
	return counts, nil
}

func (s *Store) countByHost(ctx context.Context, query string, args ...any) (map[string]int, error) {
	counts := map[string]int{}
	err := each(ctx, s.db, query, args, func(scan func(...any) error) error {
		var host sql.RawBytes // which the map copies
		var n int
		err := scan(&host, &n)
		counts[string(host)] = n
		return err
	})
	return counts, err
}

// pageLen is how many places Unused asks for at once: a server then reads no more than
// is wanted, and no answer stays open while do works.
const pageLen = 1000

// Unused calls do for each place that was not used since a time, host by host, until
// do returns an error, which it returns. Whether a place was watched all that time is
// for do to see.
func (s *Store) Unused(ctx context.Context, since time.Time, do func(UnusedPlace) error) error {
	watched, err := s.watchedHosts(ctx)
	if err != nil {
		return err
	}
	host, id := []byte{}, []byte{}
	for {
		page, err := s.unusedPage(ctx, since, &host, &id)
		for _, place := range page {
			place.Watched = watched[string(place.host)]
			if err := do(place); err != nil {
				return err
			}
		}
		if err != nil || len(page) < pageLen {
			return err
		}
	}
}

// unusedPage returns the places after one, and moves host and id to the last of them.
func (s *Store) unusedPage(ctx context.Context, since time.Time, host, id *[]byte) (page []UnusedPlace, err error) {
	query := placeQuery + " WHERE p.gone = 0 AND p.last_used < $1 AND (p.host, p.id) > ($2, $3) ORDER BY p.host, p.id LIMIT $4"
	err = each(ctx, s.db, query, []any{millis(since), *host, *id, pageLen}, func(scan func(...any) error) error {
		var place UnusedPlace
		var last int64
		var err error
		place.Place, err = scanPlace(scan, "", host, id, &last)
		place.host, place.LastUsed = *host, fromMillis(last)
		page = append(page, place)
		return err
	})
	return page, err
}

// watchedHosts is since when each host is watched by its own log or as a forge, without
// a gap until now, by identifier.
func (s *Store) watchedHosts(ctx context.Context) (map[string]time.Time, error) {
	stretches := map[string][]stretch{}
	query := "SELECT host, watched_since, watched_until FROM watches WHERE source <> $1"
	err := each(ctx, s.db, query, []any{lifecycle.FromBroker}, func(scan func(...any) error) error {
		var host []byte
		var watch stretch
		err := scan(&host, &watch.since, &watch.until)
		stretches[string(host)] = append(stretches[string(host)], watch)
		return err
	})
	watched := map[string]time.Time{}
	ended := millis(time.Now().Add(-lifecycle.WatchLag))
	for host, list := range stretches {
		if last := lastStretch(list); last.until >= ended {
			watched[host] = fromMillis(last.since)
		}
	}
	return watched, err
}

// stretch is a watch in milliseconds.
type stretch struct{ since, until int64 }

// lastStretch joins those that touch, and returns the last.
func lastStretch(list []stretch) stretch {
	slices.SortFunc(list, func(a, b stretch) int { return cmp.Compare(a.since, b.since) })
	last := list[0]
	for _, next := range list[1:] {
		if next.since > last.until {
			last.since = next.since
		}
		last.until = max(last.until, next.until)
	}
	return last
}
