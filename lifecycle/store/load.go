package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
)

// Run is one inventory of the store, without its contents.
type Run struct {
	ID      string // for Store.Inventory
	Taken   time.Time
	Machine string
	User    string
	Hosts   int // read
	Places  int // found
}

// Inventories returns the runs, newest first, of one user of one machine; "" is any.
func (s *Store) Inventories(ctx context.Context, machine, user string) (runs []Run, err error) {
	query := `SELECT taken, machine, account, hosts, places FROM inventories
		WHERE (machine = $1 OR $1 = '') AND (account = $2 OR $2 = '') ORDER BY taken DESC`
	err = each(ctx, s.db, query, []any{machine, user}, func(scan func(...any) error) error {
		var run Run
		var taken int64
		err := scan(&taken, &run.Machine, &run.User, &run.Hosts, &run.Places)
		run.ID, run.Taken = fmt.Sprintf("%d/%s/%s", taken, run.Machine, run.User), fromMillis(taken)
		runs = append(runs, run)
		return err
	})
	return runs, err
}

// LastInventory returns the newest inventory that a user of a machine took; "" is any.
// Without one it returns ErrNone.
func (s *Store) LastInventory(ctx context.Context, machine, user string) (lifecycle.Inventory, error) {
	runs, err := s.Inventories(ctx, machine, user)
	if err != nil {
		return lifecycle.Inventory{}, err
	}
	if len(runs) == 0 {
		return lifecycle.Inventory{}, ErrNone
	}
	return s.Inventory(ctx, runs[0].ID)
}

// Inventory returns what one run found: exactly its accounts, places and private
// files. Sightings and watches are all of its hosts that are known by now. An unknown
// id is ErrNone.
func (s *Store) Inventory(ctx context.Context, id string) (inventory lifecycle.Inventory, err error) {
	taken, of, _ := strings.Cut(id, "/")
	machine, user, _ := strings.Cut(of, "/")
	at, err := strconv.ParseInt(taken, 10, 64)
	if err != nil {
		return inventory, ErrNone
	}
	var detail []byte
	err = s.db.QueryRowContext(ctx, "SELECT detail FROM inventories WHERE machine = $1 AND account = $2 AND taken = $3", machine, user, at).Scan(&detail)
	if errors.Is(err, sql.ErrNoRows) {
		return inventory, ErrNone
	}
	if err != nil {
		return inventory, err
	}
	if inventory, err = unpack(detail); err != nil {
		return inventory, err
	}
	r := reading{ctx: ctx, db: s.db, Inventory: &inventory}
	for _, part := range []func() error{r.loadPlaces, r.loadCopies, r.loadKeys, r.loadSightings, r.loadWatches} {
		if err := part(); err != nil {
			return inventory, fmt.Errorf("reading the inventory: %w", err)
		}
	}
	return inventory, nil
}

// pack is what has no table, compressed. The rest is in rows, which a run that finds
// nothing new does not write again.
func pack(inventory lifecycle.Inventory) ([]byte, error) {
	placed := map[string]bool{}
	for _, place := range inventory.Places {
		placed[place.Fingerprint] = true
	}
	var keys []lifecycle.Key
	for _, key := range inventory.Keys {
		key.Blob = nil
		if len(key.Names) > 0 || key.Source != "" || key.Signs || !placed[key.Fingerprint] {
			keys = append(keys, key) // the others are in rows as a whole
		}
	}
	inventory.Keys = keys
	inventory.Accounts = accounts(inventory)
	inventory.Places, inventory.Copies, inventory.Sightings = nil, nil, nil
	inventory.Watches = slices.DeleteFunc(slices.Clone(inventory.Watches), func(w lifecycle.Watch) bool { return w.Fingerprint == "" })
	var b bytes.Buffer
	writer := gzip.NewWriter(&b)
	err := errors.Join(json.NewEncoder(writer).Encode(inventory), writer.Close())
	return b.Bytes(), err
}

// maxDetail is what unpack takes: more than an inventory of 100,000 findings has.
const maxDetail = 1 << 30

func unpack(detail []byte) (inventory lifecycle.Inventory, err error) {
	reader, err := gzip.NewReader(bytes.NewReader(detail))
	if err != nil {
		return inventory, err
	}
	return inventory, json.NewDecoder(io.LimitReader(reader, maxDetail)).Decode(&inventory)
}
