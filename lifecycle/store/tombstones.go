package store

import (
	"context"
	"database/sql"

	"github.com/keybroker/keybroker/lifecycle"
)

var tombstonesTable = table{"tombstones", []string{"key_id", "terminated", "actor", "plan", "restored"},
	"(key_id) DO UPDATE SET terminated = excluded.terminated, actor = excluded.actor, plan = excluded.plan, restored = excluded.restored"}

// AddTombstone remembers for ever that a key was terminated. To note that it was
// restored, add it again with Restored.
func (s *Store) AddTombstone(ctx context.Context, stone lifecycle.Tombstone) error {
	key, err := keyID(stone.Fingerprint)
	if err != nil {
		return err
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		return tombstonesTable.insert(ctx, tx, s.engine.parameters, [][]any{{key, millis(stone.Terminated), stone.By, stone.Plan, millis(stone.Restored)}})
	})
}

// Tombstones returns all of them, oldest first.
func (s *Store) Tombstones(ctx context.Context) (stones []lifecycle.Tombstone, err error) {
	query := "SELECT key_id, terminated, actor, plan, restored FROM tombstones ORDER BY terminated, key_id"
	err = each(ctx, s.db, query, nil, func(scan func(...any) error) error {
		var stone lifecycle.Tombstone
		var key []byte
		var terminated, restored int64
		err := scan(&key, &terminated, &stone.By, &stone.Plan, &restored)
		stone.Fingerprint, stone.Terminated, stone.Restored = fingerprint(key), fromMillis(terminated), fromMillis(restored)
		stones = append(stones, stone)
		return err
	})
	return stones, err
}
