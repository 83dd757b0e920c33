package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/lifecycle"
)

// SaveInventory adds what one run found. A place that an account of the inventory had
// before, and has not now, is gone from now on; accounts that were not read keep
// theirs. An inventory that is saved twice is one inventory.
func (s *Store) SaveInventory(ctx context.Context, inventory lifecycle.Inventory) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		w := writing{ctx: ctx, tx: tx, parameters: s.engine.parameters, Inventory: inventory, hosts: map[string]lifecycle.Host{}, byName: map[string][]lifecycle.Host{}, looked: map[string]bool{}}
		for _, part := range []func() error{w.recognise, w.saveKeys, w.savePlaces, w.saveCopies, func() error { return w.saveSightings(w.Sightings) }, w.saveWatches, w.saveClaims, w.saveHosts, w.saveRun} {
			if err := part(); err != nil {
				return fmt.Errorf("saving the inventory: %w", err)
			}
		}
		return nil
	})
}

// writing is one inventory on its way into the store.
type writing struct {
	ctx        context.Context
	tx         *sql.Tx
	parameters int
	lifecycle.Inventory
	hosts  map[string]lifecycle.Host   // by identifier: all that were named
	byName map[string][]lifecycle.Host // whose key is known
	looked map[string]bool             // names that were looked for in the store
}

func (w *writing) now() int64 { return millis(w.Taken) }

// host notes a host and returns its identifier.
func (w *writing) host(host lifecycle.Host) []byte {
	id := hostID(host, w.Machine)
	if known := w.hosts[string(id)]; len(known.Addresses) <= len(host.Addresses) {
		w.hosts[string(id)] = host
	}
	return id
}

var keysTable = table{"keys", []string{"id", "type", "bits", "blob", "first_seen"},
	"DO NOTHING"} // without a column: that would need the right to read

func (w *writing) saveKeys() error {
	var rows [][]any
	for _, key := range w.Keys {
		id, err := keyID(key.Fingerprint)
		if err != nil {
			return err
		}
		if digest := sha256.Sum256(key.Blob); string(digest[:]) != string(id) {
			return fmt.Errorf("the fingerprint %s is not that of its key", key.Fingerprint)
		}
		rows = append(rows, []any{id, key.Type, key.Bits, key.Blob, w.now()})
	}
	return keysTable.insert(w.ctx, w.tx, w.parameters, rows)
}

// hostsTable keeps the port of a host that is only named: the broker's log knows no port.
var hostsTable = table{"hosts", []string{"id", "host_key", "name", "port", "addresses", "machine"},
	"(id) DO UPDATE SET name = excluded.name, port = CASE WHEN excluded.port = 0 AND excluded.name = hosts.name THEN hosts.port ELSE excluded.port END, addresses = excluded.addresses, machine = excluded.machine"}

func (w *writing) saveHosts() error {
	for _, host := range w.Hosts {
		w.host(host)
	}
	var rows [][]any
	for id, host := range w.hosts {
		machine := ""
		if host.Name == "" {
			machine = w.Machine
		}
		rows = append(rows, []any{[]byte(id), host.Key, host.Name, host.Port, list(host.Addresses), machine})
	}
	return hostsTable.insert(w.ctx, w.tx, w.parameters, rows)
}

var claimsTable = table{"claims", []string{"key_id", "owner", "purpose", "ticket", "expires"},
	"(key_id) DO UPDATE SET owner = excluded.owner, purpose = excluded.purpose, ticket = excluded.ticket, expires = excluded.expires"}

func (w *writing) saveClaims() error {
	var rows [][]any
	for _, claim := range w.Claims {
		id, err := keyID(claim.Fingerprint)
		if err != nil {
			return err
		}
		rows = append(rows, []any{id, claim.Owner, claim.Purpose, claim.Ticket, millis(claim.Expires)})
	}
	return claimsTable.insert(w.ctx, w.tx, w.parameters, rows)
}

var runsTable = table{"inventories", []string{"machine", "account", "taken", "hosts", "places", "detail"}, "(machine, account, taken) DO NOTHING"}

func (w *writing) saveRun() error {
	detail, err := pack(w.Inventory)
	if err != nil {
		return err
	}
	return runsTable.insert(w.ctx, w.tx, w.parameters, [][]any{{w.Machine, w.User, w.now(), len(w.Hosts), len(w.Places), detail}})
}

// list is a list of strings in one column.
func list(of []string) string {
	if len(of) == 0 {
		return ""
	}
	text, _ := json.Marshal(of) // strings never fail
	return string(text)
}

func fromList(text string) (of []string) {
	if strings.HasPrefix(text, "[") {
		_ = json.Unmarshal([]byte(text), &of)
	}
	return of
}
