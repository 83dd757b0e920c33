package doctor

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

const sealedKeys = "sealed keys" // the name of the checks below

// checkVault checks owners, modes and proofs of the vault and of its keys.
func (p *Patient) checkVault(ctx context.Context) []Check {
	_, err := platform.Harden() // the store may be asked to open a key
	if err == nil {
		err = p.Err
	}
	if err != nil {
		return []Check{failed(sealedKeys, err)}
	}
	store := broker.SealedStore(&p.Config, p.Person)
	store.Prove(ctx)
	entries := store.All()
	var checks []Check
	for _, err := range []error{store.Err(), store.Vault().Check(), store.Vault().CheckPassphraseFile()} {
		if err != nil {
			checks = append(checks, failed(sealedKeys, err))
		}
	}
	vaultFails := len(checks) > 0
	whole, unproved := 0, 0
	for _, entry := range entries {
		switch {
		case entry.Damaged():
			checks = append(checks, Check{sealedKeys, "FAIL", fmt.Sprintf("%s is %s", entry.Name, entry.State), entry.Remedy})
			continue
		case entry.Unproved:
			unproved++
		}
		whole++
	}
	if vaultFails || whole == 0 && len(entries) > 0 {
		return checks
	}
	return append(checks, countKeys(whole, unproved))
}

// countKeys reports the keys that are not damaged.
func countKeys(whole, unproved int) Check {
	switch {
	case whole == 0:
		return Check{sealedKeys, "ok", "no keys are sealed yet", ""}
	case unproved > 0:
		return Check{sealedKeys, "note", fmt.Sprintf("%d, of which %d are not proved until the vault is opened", whole, unproved), ""}
	}
	return Check{sealedKeys, "ok", fmt.Sprintf("%s, each proved", keys.Counted(whole, "key")), ""}
}
