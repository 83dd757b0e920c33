package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/lifecycle"
)

// reading is one inventory on its way out of the store.
type reading struct {
	ctx context.Context
	db  querier
	*lifecycle.Inventory
}

// hosts calls do for each host that the inventory read or has an account of.
func (r *reading) hosts(do func(id []byte) error) error {
	done := map[string]bool{}
	hosts := r.Hosts
	for _, account := range r.Accounts {
		hosts = append(hosts, account.Host)
	}
	for _, host := range hosts {
		id := hostID(host, r.Machine)
		if done[string(id)] {
			continue
		}
		done[string(id)] = true
		if err := do(id); err != nil {
			return err
		}
	}
	return nil
}

// loadKeys completes the keys that the inventory tells something of, and adds those
// that it only met in places.
func (r *reading) loadKeys() error {
	told := map[string]bool{}
	for n, key := range r.Keys {
		told[key.Fingerprint] = true
		if err := r.loadKey(&r.Keys[n]); err != nil {
			return err
		}
	}
	for _, place := range r.Places {
		if key := (lifecycle.Key{Fingerprint: place.Fingerprint}); !told[key.Fingerprint] {
			told[key.Fingerprint] = true
			switch err := r.loadKey(&key); {
			case errors.Is(err, sql.ErrNoRows): // only its fingerprint is known
			case err != nil:
				return err
			default:
				r.Keys = append(r.Keys, key)
			}
		}
	}
	return nil
}

func (r *reading) loadKey(key *lifecycle.Key) error {
	id, err := keyID(key.Fingerprint)
	if err != nil {
		return err
	}
	if err := r.db.QueryRowContext(r.ctx, "SELECT type, bits, blob FROM keys WHERE id = $1", id).Scan(&key.Type, &key.Bits, &key.Blob); err != nil {
		return fmt.Errorf("key %s: %w", key.Fingerprint, err)
	}
	return nil
}

// loadPlaces takes the places that were there when the inventory was taken, of the
// accounts that it read.
func (r *reading) loadPlaces() error {
	taken := millis(r.Taken)
	read := map[string]bool{}
	for _, account := range r.Accounts {
		read[string(hostID(account.Host, r.Machine))+account.Name] = true
	}
	return r.hosts(func(id []byte) error {
		query := placeQuery + " WHERE p.host = $1 AND p.appeared <= $2 AND (p.gone = 0 OR p.gone > $2) ORDER BY p.account, p.file, p.line"
		return each(r.ctx, r.db, query, []any{id, taken}, func(scan func(...any) error) error {
			place, err := scanPlace(scan, r.Machine)
			if read[string(id)+place.Account] {
				r.Places = append(r.Places, place)
			}
			return err
		})
	})
}

func (r *reading) loadCopies() error {
	taken, viewer := millis(r.Taken), r.User+"@"+r.Machine
	return r.hosts(func(id []byte) error {
		query := copyQuery + " WHERE c.host = $1 AND c.viewer = $2 AND c.appeared <= $3 AND (c.gone = 0 OR c.gone > $3) ORDER BY c.path"
		return each(r.ctx, r.db, query, []any{id, viewer, taken}, func(scan func(...any) error) error {
			file, err := scanCopy(scan, r.Machine)
			r.Copies = append(r.Copies, file)
			return err
		})
	})
}

func (r *reading) loadSightings() error {
	return r.hosts(func(id []byte) error {
		return each(r.ctx, r.db, sightingQuery+" WHERE s.host = $1 ORDER BY s.last_use", []any{id}, func(scan func(...any) error) error {
			seen, err := scanSighting(scan, r.Machine)
			r.Sightings = append(r.Sightings, seen)
			return err
		})
	})
}

func (r *reading) loadWatches() error {
	all, err := watchesOf(r.ctx, r.db, r.Machine)
	if err != nil {
		return err
	}
	ours := map[string]bool{}
	err = r.hosts(func(id []byte) error { ours[string(id)] = true; return nil })
	for _, watch := range all {
		if ours[string(hostID(watch.Host, r.Machine))] {
			r.Watches = append(r.Watches, watch)
		}
	}
	return err
}

// accounts is every account that the inventory read, those with a place too.
func accounts(inventory lifecycle.Inventory) []lifecycle.Account {
	all := inventory.Accounts
	done := map[string]bool{}
	for _, account := range all {
		done[string(hostID(account.Host, inventory.Machine))+account.Name] = true
	}
	for _, place := range inventory.Places {
		id := string(hostID(place.Host, inventory.Machine)) + place.Account
		if !done[id] {
			done[id] = true
			all = append(all, lifecycle.Account{Host: place.Host, Name: place.Account})
		}
	}
	return all
}
