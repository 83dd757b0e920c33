// Package softkeys holds keys in software: sealed files (Store), and keys that
// another program added until the process ends (Memory).
//
// NAME.pub holds the public half of a sealed key. NAME.age holds the private key,
// encrypted with age to the X25519 identity of the user's Vault. NAME.mac proves
// that they belong together. The operating system's keychain holds the identity,
// or a file under a passphrase does. Listing needs no secret; signing opens the
// vault once.
//
// Opened keys stay in memory until Forget. What handles a secret runs in package
// platform/secret, which erases the copies that Go makes once Forget and Remove have
// dropped the references.
package softkeys

import (
	"path/filepath"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/softkeys/keychain"
)

// Seal is what guards the vault's identity.
type Seal string

// The seals. The choice is made once, when the vault is created.
const (
	SealAuto       Seal = "auto" // the keychain if one can be opened, otherwise a passphrase
	SealKeychain   Seal = "keychain"
	SealPassphrase Seal = "passphrase"
)

// Config configures the Store and its Vault.
type Config struct {
	Dir            string            // $XDG_DATA_HOME/keybroker
	Seal           Seal              // for a new vault; "" is SealAuto
	Keychain       keychain.Keychain // nil: there is none
	PassphraseFile string            // "": ask
	Person         keys.Person       // asked for the passphrase; nil: nobody can be asked
	WorkFactor     int               // log2 of scrypt's N for a new vault; 0: DefaultWorkFactor
}

// DefaultWorkFactor makes one guess of a passphrase cost a second or two.
const DefaultWorkFactor = 18

func (c Config) keysDir() string  { return filepath.Join(c.Dir, "keys") }
func (c Config) vaultDir() string { return filepath.Join(c.Dir, "vault") }
func (c Config) recipientFile() string {
	return filepath.Join(c.vaultDir(), "recipient")
}
func (c Config) identityFile() string {
	return filepath.Join(c.vaultDir(), "identity.age")
}
