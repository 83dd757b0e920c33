package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
)

var watchesTable = table{"watches", []string{"host", "id", "source", "watched_since", "watched_until"},
	"(host, id) DO UPDATE SET watched_until = CASE WHEN excluded.watched_until > watches.watched_until THEN excluded.watched_until ELSE watches.watched_until END"}

// saveWatches makes the stretch longer that a new one goes on from, and adds the others.
func (w *writing) saveWatches() error {
	var rows [][]any
	for _, watch := range w.Watches {
		if watch.Fingerprint != "" { // kept with the run: pack
			continue
		}
		host := w.host(watch.Host)
		since, until := millis(watch.Since), millis(watch.Until)
		result, err := w.tx.ExecContext(w.ctx, `UPDATE watches SET watched_until = $1
			WHERE host = $2 AND source = $3 AND watched_since <= $4 AND watched_until >= $4 AND watched_until < $1`, until, host, watch.Source, since)
		if err != nil {
			return err
		}
		if longer, err := result.RowsAffected(); err != nil || longer > 0 {
			continue
		}
		rows = append(rows, []any{host, identifier("watch", host, watch.Source, since), watch.Source, since, until})
	}
	return watchesTable.insert(w.ctx, w.tx, w.parameters, rows)
}

// Watches returns the stretches in which hosts were watched, as seen from machine ("":
// from none of them), joined where they touch, in order of host, source and time.
func (s *Store) Watches(ctx context.Context, machine string) ([]lifecycle.Watch, error) {
	return watchesOf(ctx, s.db, machine)
}

// WatchedUntil is until when a source was read of a host; zero if it never was. A
// collector goes on from there.
func (s *Store) WatchedUntil(ctx context.Context, host lifecycle.Host, source string) (time.Time, error) {
	var until sql.NullInt64
	err := s.db.QueryRowContext(ctx, "SELECT max(watched_until) FROM watches WHERE host = $1 AND source = $2", hostID(host, ""), source).Scan(&until)
	return fromMillis(until.Int64), err
}

func watchesOf(ctx context.Context, db querier, machine string) (joined []lifecycle.Watch, err error) {
	query := `SELECT h.host_key, h.name, h.port, h.addresses, h.machine, w.source, w.watched_since, w.watched_until
		FROM watches w JOIN hosts h ON h.id = w.host ORDER BY w.host, w.source, w.watched_since`
	err = each(ctx, db, query, nil, func(scan func(...any) error) error {
		var watch lifecycle.Watch
		var addresses, of string
		var since, until int64
		err := scan(&watch.Host.Key, &watch.Host.Name, &watch.Host.Port, &addresses, &of, &watch.Source, &since, &until)
		watch.Host = hostSeen(watch.Host, addresses, of, machine)
		watch.Since, watch.Until = fromMillis(since), fromMillis(until)
		joined = join(joined, watch)
		return err
	})
	return joined, err
}

// join adds a watch to a list in order of time. One that touches the last makes it longer.
func join(list []lifecycle.Watch, next lifecycle.Watch) []lifecycle.Watch {
	if len(list) > 0 {
		last := &list[len(list)-1]
		if last.Source == next.Source && last.Host.Same(next.Host) && !next.Since.After(last.Until) {
			last.Until = latest(last.Until, next.Until)
			return list
		}
	}
	return append(list, next)
}

func latest(a, b time.Time) time.Time {
	return slices.MaxFunc([]time.Time{a, b}, func(a, b time.Time) int { return cmp.Compare(a.UnixNano(), b.UnixNano()) })
}
