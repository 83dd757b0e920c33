package store

import (
	"fmt"
	"slices"

	"github.com/keybroker/keybroker/lifecycle"
)

// A server may be met by its name alone: a client of ssh did not tell the broker its host
// key, or no known_hosts had it then. It is the server of this name whose key is known, if
// there is one such key: else it would be two rows, and its uses would be missing at its doors.

// recognise gives the hosts of the inventory that are only named the key that the
// inventory or the store knows, and moves what the store kept under a name alone.
func (w *writing) recognise() error {
	var named []lifecycle.Host
	for _, place := range w.Places {
		named = append(named, place.Host)
	}
	for _, host := range slices.Concat(w.Hosts, named) {
		w.know(host)
	}
	w.Sightings = slices.Clone(w.Sightings)
	for i := range w.Sightings {
		host, err := w.recognised(w.Sightings[i].Host)
		if err != nil {
			return err
		}
		w.Sightings[i].Host = host
	}
	for _, host := range w.Hosts {
		if err := w.adopt(host); err != nil {
			return fmt.Errorf("host %s: %w", host, err)
		}
	}
	return nil
}

// know notes a host whose key is known.
func (w *writing) know(host lifecycle.Host) {
	same := func(h lifecycle.Host) bool { return h.Key == host.Key && samePort(h, host) }
	if host.Key != "" && host.Name != "" && !slices.ContainsFunc(w.byName[host.Name], same) {
		w.byName[host.Name] = append(w.byName[host.Name], host)
	}
}

func samePort(a, b lifecycle.Host) bool { return max(a.Port, 22) == max(b.Port, 22) }

// recognised is the host with its key, if exactly one key is known for its name. The
// broker's log knows no port: without one, the name decides.
func (w *writing) recognised(host lifecycle.Host) (lifecycle.Host, error) {
	if host.Key != "" || host.Name == "" {
		return host, nil
	}
	if err := w.lookUp(host.Name); err != nil {
		return host, err
	}
	var found []lifecycle.Host
	for _, known := range w.byName[host.Name] {
		if host.Port == 0 || samePort(host, known) {
			found = append(found, known)
		}
	}
	if len(found) == 0 || slices.ContainsFunc(found, func(h lifecycle.Host) bool { return h.Key != found[0].Key }) {
		return host, nil
	}
	return found[0], nil
}

// lookUp adds what the store knows of a name.
func (w *writing) lookUp(name string) error {
	if w.looked[name] {
		return nil
	}
	w.looked[name] = true
	return each(w.ctx, w.tx, "SELECT host_key, port, addresses FROM hosts WHERE name = $1 AND host_key <> ''", []any{name}, func(scan func(...any) error) error {
		host, addresses := lifecycle.Host{Name: name}, ""
		err := scan(&host.Key, &host.Port, &addresses)
		host.Addresses = fromList(addresses)
		w.know(host)
		return err
	})
}

// adopt moves the uses that the store has of a host under its name alone.
func (w *writing) adopt(host lifecycle.Host) error {
	if host.Key == "" || host.Name == "" {
		return nil
	}
	for _, alone := range []lifecycle.Host{{Name: host.Name, Port: host.Port}, {Name: host.Name}} {
		old := hostID(alone, w.Machine)
		var rows int
		if err := w.tx.QueryRowContext(w.ctx, "SELECT count(*) FROM hosts WHERE id = $1", old).Scan(&rows); err != nil {
			return err
		}
		if rows == 0 {
			continue
		}
		now, err := w.recognised(alone)
		if err != nil {
			return err
		}
		if now.Key == "" { // two servers had the name
			continue
		}
		if err := w.move(old, now); err != nil {
			return err
		}
	}
	return nil
}

func (w *writing) move(old []byte, host lifecycle.Host) error {
	var moved []lifecycle.Sighting
	err := each(w.ctx, w.tx, sightingQuery+" WHERE s.host = $1", []any{old}, func(scan func(...any) error) error {
		seen, err := scanSighting(scan, w.Machine)
		seen.Host = host
		moved = append(moved, seen)
		return err
	})
	if err != nil {
		return err
	}
	if err := w.saveSightings(moved); err != nil {
		return err
	}
	for _, statement := range []string{"DELETE FROM sightings WHERE host = $1", `DELETE FROM hosts WHERE id = $1
		AND NOT EXISTS (SELECT 1 FROM places WHERE host = $1) AND NOT EXISTS (SELECT 1 FROM copies WHERE host = $1)
		AND NOT EXISTS (SELECT 1 FROM watches WHERE host = $1) AND NOT EXISTS (SELECT 1 FROM accounts WHERE host = $1)`} {
		if _, err := w.tx.ExecContext(w.ctx, statement, old); err != nil {
			return err
		}
	}
	return nil
}
