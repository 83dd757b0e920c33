package main

import (
	"context"
	"path/filepath"

	"github.com/keybroker/keybroker/lifecycle/store"
)

// storeHelp is of --store, which every command has.
const storeHelp = "where to keep what is found: a file, or postgres://USER@HOST/DATABASE (default: lifecycle.db in the user's state directory)"

// OpenStore opens the store that the user chose. The caller closes it.
func (a *app) OpenStore(ctx context.Context) (*store.Store, error) {
	where := a.storeAt
	if where == "" {
		where = filepath.Join(a.config.Paths.StateDir, "lifecycle.db")
	}
	return store.Open(ctx, where)
}
