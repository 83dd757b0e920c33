package main

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// checkVault looks at owners, modes and proofs of the vault and the keys in it.
func (a *app) checkVault(ctx context.Context) check {
	const name = "sealed keys"
	store, err := a.store()
	if err != nil {
		what, remedy := platform.Explain(err)
		return check{name, "FAIL", what, remedy}
	}
	store.Prove(ctx)
	entries, unproved := store.All(), 0
	for _, err := range []error{store.Err(), store.Vault().Check(), store.Vault().CheckPassphraseFile()} {
		if err != nil {
			what, remedy := platform.Explain(err)
			return check{name, "FAIL", what, remedy}
		}
	}
	for _, entry := range entries {
		switch {
		case entry.Damaged():
			return check{name, "FAIL", fmt.Sprintf("%s is %s", entry.Name, entry.State), entry.Remedy}
		case entry.Unproved:
			unproved++
		}
	}
	if len(entries) == 0 {
		return check{name, "ok", "there are none", ""}
	}
	if unproved > 0 {
		return check{name, "note", fmt.Sprintf("%d, of which %d are not proved until the vault is opened", len(entries), unproved), ""}
	}
	return check{name, "ok", fmt.Sprintf("%s, each proved", keys.Counted(len(entries), "key")), ""}
}
