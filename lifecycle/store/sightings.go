package store

import (
	"github.com/keybroker/keybroker/lifecycle"
)

// A sighting is told by the day of its first use: a log that is read twice adds
// nothing, and one that has grown since replaces what it showed before.
var sightingsTable = table{"sightings", []string{"host", "id", "key_id", "source", "account", "client", "program", "first_use", "last_use", "uses"},
	`(host, id) DO UPDATE SET
		first_use = CASE WHEN excluded.first_use < sightings.first_use THEN excluded.first_use ELSE sightings.first_use END,
		last_use = CASE WHEN excluded.last_use > sightings.last_use THEN excluded.last_use ELSE sightings.last_use END,
		uses = CASE WHEN excluded.uses > sightings.uses THEN excluded.uses ELSE sightings.uses END`}

// door is what a sighting went through. Account is "" where the source does not tell.
type door struct{ key, account string }

func (w *writing) saveSightings(list []lifecycle.Sighting) error {
	byID := map[string][]any{}
	used := map[string]map[door]int64{} // by host: last use
	for _, seen := range list {
		key, err := keyID(seen.Fingerprint)
		if err != nil {
			return err
		}
		host := w.host(seen.Host)
		id := identifier("sighting", host, key, seen.Source, seen.Account, seen.From, seen.Program, seen.First.UTC().Format("2006-01-02"))
		byID[string(id)] = merged(byID[string(id)], []any{host, id, key, seen.Source, seen.Account, seen.From, seen.Program, millis(seen.First), millis(seen.Last), int64(seen.Count)})
		if seen.Source == lifecycle.FromProbe {
			continue // an open door, which nobody used
		}
		if used[string(host)] == nil {
			used[string(host)] = map[door]int64{}
		}
		through := door{string(key), seen.Account}
		used[string(host)][through] = max(used[string(host)][through], millis(seen.Last))
	}
	var rows [][]any
	for _, row := range byID {
		rows = append(rows, row)
	}
	if err := sightingsTable.insert(w.ctx, w.tx, w.parameters, rows); err != nil {
		return err
	}
	for host, doors := range used {
		if err := w.use([]byte(host), doors); err != nil {
			return err
		}
	}
	return nil
}

// merged is two sightings of one run that are one row.
func merged(a, b []any) []any {
	if a != nil {
		b[7], b[8], b[9] = min(a[7].(int64), b[7].(int64)), max(a[8].(int64), b[8].(int64)), a[9].(int64)+b[9].(int64)
	}
	return b
}

// use moves the last use of the places of a host forwards.
func (w *writing) use(host []byte, doors map[door]int64) error {
	known, err := knownPlaces(w.ctx, w.tx, host)
	if err != nil {
		return err
	}
	for line, place := range known {
		last := max(doors[door{line.key, line.account}], doors[door{line.key, ""}])
		if last <= place.lastUsed {
			continue
		}
		if _, err := w.tx.ExecContext(w.ctx, "UPDATE places SET last_used = $1 WHERE host = $2 AND id = $3 AND last_used < $1", last, host, place.id); err != nil {
			return err
		}
	}
	return nil
}

const sightingQuery = `SELECT h.host_key, h.name, h.port, h.addresses, h.machine, s.key_id, s.source, s.account, s.client, s.program, s.first_use, s.last_use, s.uses
	FROM sightings s JOIN hosts h ON h.id = s.host`

func scanSighting(scan func(...any) error, machine string) (seen lifecycle.Sighting, err error) {
	var addresses, of string
	var key []byte
	var first, last int64
	err = scan(&seen.Host.Key, &seen.Host.Name, &seen.Host.Port, &addresses, &of, &key, &seen.Source, &seen.Account, &seen.From, &seen.Program, &first, &last, &seen.Count)
	seen.Host = hostSeen(seen.Host, addresses, of, machine)
	seen.Fingerprint, seen.First, seen.Last = fingerprint(key), fromMillis(first), fromMillis(last)
	return seen, err
}
