package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/lifecycle/store"
	"github.com/keybroker/keybroker/platform"
)

// storeHelp is of --store, which every command has.
const storeHelp = "where to keep what is found: a file, or postgres://USER@HOST/DATABASE (default: lifecycle.db in the user's state directory)"

// OpenStore opens the store that the user chose. The caller closes it.
func (a *app) OpenStore(ctx context.Context) (*store.Store, error) {
	where := a.storeAt
	if where == "" {
		where = filepath.Join(a.config.Paths.StateDir, "lifecycle.db")
	}
	if !strings.Contains(where, "://") { // who can write there could change what was planned, and what is remembered
		if err := platform.CheckTrustedDir(filepath.Dir(where)); err != nil {
			return nil, fmt.Errorf("the store is not used: %w", err)
		}
	}
	return store.Open(ctx, where)
}
