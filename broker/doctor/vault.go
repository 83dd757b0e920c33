package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"

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
	for _, one := range []struct {
		err     error
		path    string
		allowed fs.FileMode
	}{
		{store.Err(), filepath.Join(p.Config.Paths.DataDir, "keys"), 0o755},
		{store.Vault().Check(), filepath.Join(p.Config.Paths.DataDir, "vault"), 0o755},
		{store.Vault().CheckPassphraseFile(), p.Config.Softkeys.PassphraseFile, 0o600},
	} {
		if one.err != nil {
			checks = append(checks, failed(sealedKeys, one.err).with(chmodFix(one.path, one.allowed)))
		}
	}
	vaultFails := len(checks) > 0
	whole, unproved := 0, 0
	for _, entry := range entries {
		switch {
		case entry.Damaged():
			checks = append(checks, broken(sealedKeys, fmt.Sprintf("%s is %s", entry.Name, entry.State), entry.Remedy))
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
		return fine(sealedKeys, "no keys are sealed yet")
	case unproved > 0:
		return noted(sealedKeys, fmt.Sprintf("%d, of which %d are not proved until the vault is opened", whole, unproved), "")
	}
	return fine(sealedKeys, fmt.Sprintf("%s, each proved", keys.Counted(whole, "key")))
}
