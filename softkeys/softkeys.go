// Package softkeys holds keys in software: sealed files that last (Store), and
// keys that another program added for a while (Memory).
//
// A sealed key is a pair of files, NAME.pub in clear and NAME.age: the private
// key encrypted with age to the one X25519 identity of the user's Vault. The
// identity lies in the operating system's keychain, or in a file under a
// passphrase. So listing, generating and importing need no secret; signing
// opens the vault once.
//
// Opened keys stay in memory until Forget. Go offers no way to wipe all copies
// that the standard library makes of them, so Forget and Remove drop the
// references; keeping the process's memory from others is platform's part.
package softkeys

import (
	"path/filepath"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/softkeys/keychain"
)

// Seal is what guards the vault's identity.
type Seal string

// The seals. It is chosen once, when the vault is created.
const (
	SealAuto       Seal = "auto" // the keychain where there is one that opens, else a passphrase
	SealKeychain   Seal = "keychain"
	SealPassphrase Seal = "passphrase"
)

// Config is what the package is told from outside.
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
