package broker

import (
	"path/filepath"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/softkeys/keychain"
	"github.com/keybroker/keybroker/sources/certificates"
)

// SealedStore opens the directory of sealed keys, with or without a running broker.
// person is asked for the passphrase of the vault; if nil, nobody is.
func SealedStore(c *config.Config, person keys.Person) *softkeys.Store {
	dir := c.Paths.DataDir
	return softkeys.NewStore(softkeys.Config{
		Dir:            dir,
		Seal:           softkeys.Seal(c.Softkeys.Seal),
		Keychain:       keychain.System(filepath.Join(dir, "vault")),
		PassphraseFile: c.Softkeys.PassphraseFile,
		Person:         person,
	})
}

// Certificates reads the certificates in files for the keys of ring.
func Certificates(c *config.Config, ring *keys.Ring) *certificates.Source {
	dir := c.Paths.DataDir
	return certificates.New(certificates.Config{
		SealedKeys: filepath.Join(dir, "keys"), Dir: filepath.Join(dir, "certificates"),
		Plain: certificates.Order(c.Certificates.Plain), Ring: ring,
	})
}

// CertifiedKeys lists the certificates, including those that are not used.
func CertifiedKeys(source *certificates.Source) []control.Key {
	var list []control.Key
	for _, info := range source.All() {
		list = append(list, control.KeyOf(info))
	}
	return list
}

// SealedKeys lists the sealed keys, including hidden and damaged ones.
func SealedKeys(store *softkeys.Store) []control.Key {
	list := []control.Key{}
	for _, entry := range store.All() {
		key := control.KeyOf(entry.Info)
		key.Hidden, key.Unproved = entry.Hidden, entry.Unproved
		list = append(list, key)
	}
	return list
}
