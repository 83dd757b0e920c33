package doctor

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// checkVault checks owners, modes and proofs of the vault and of its keys.
func (p *Patient) checkVault(ctx context.Context) Check {
	const name = "sealed keys"
	_, err := platform.Harden() // the store may be asked to open a key
	if err == nil {
		err = p.Err
	}
	if err != nil {
		what, remedy := platform.Explain(err)
		return Check{name, "FAIL", what, remedy}
	}
	store := broker.SealedStore(&p.Config, p.Person)
	store.Prove(ctx)
	entries, unproved := store.All(), 0
	for _, err := range []error{store.Err(), store.Vault().Check(), store.Vault().CheckPassphraseFile()} {
		if err != nil {
			what, remedy := platform.Explain(err)
			return Check{name, "FAIL", what, remedy}
		}
	}
	for _, entry := range entries {
		switch {
		case entry.Damaged():
			return Check{name, "FAIL", fmt.Sprintf("%s is %s", entry.Name, entry.State), entry.Remedy}
		case entry.Unproved:
			unproved++
		}
	}
	if len(entries) == 0 {
		return Check{name, "ok", "no keys are sealed yet", ""}
	}
	if unproved > 0 {
		return Check{name, "note", fmt.Sprintf("%d, of which %d are not proved until the vault is opened", len(entries), unproved), ""}
	}
	return Check{name, "ok", fmt.Sprintf("%s, each proved", keys.Counted(len(entries), "key")), ""}
}
