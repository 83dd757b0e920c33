package inventory

import (
	"maps"
	"slices"
	"sync"

	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/lifecycle"
	"golang.org/x/crypto/ssh"
)

// maxNames bounds the names of one key: every file can give it another comment.
const maxNames = 16

// collection gathers what several readers find at the same time.
type collection struct {
	mu   sync.Mutex
	inv  lifecycle.Inventory
	keys map[string]*lifecycle.Key // by fingerprint
}

func newCollection() *collection { return &collection{keys: map[string]*lifecycle.Key{}} }

// key notes a key under its names and returns its fingerprint. A certificate counts as
// the key that it is for.
func (c *collection) key(public ssh.PublicKey, names ...string) string {
	public = publickey.Certified(public)
	key := lifecycle.Key{Fingerprint: ssh.FingerprintSHA256(public), Type: public.Type(), Bits: bitsOf(public), Blob: public.Marshal()}
	c.note(key, names...)
	return key.Fingerprint
}

// note is key for a key of a type that this program need not know.
func (c *collection) note(key lifecycle.Key, names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.keys[key.Fingerprint]
	if known == nil {
		known = &key
		c.keys[key.Fingerprint] = known
	}
	for _, name := range names {
		if name != "" && !slices.Contains(known.Names, name) && len(known.Names) < maxNames {
			known.Names = append(known.Names, name)
		}
	}
}

// source notes where the broker holds the key.
func (c *collection) source(fingerprint, source string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys[fingerprint].Source = source
}

// signs notes that git signs with the key.
func (c *collection) signs(fingerprint string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys[fingerprint].Signs = true
}

// add changes the inventory.
func (c *collection) add(change func(inv *lifecycle.Inventory)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.inv)
}

func (c *collection) finding(f lifecycle.Finding) {
	c.add(func(inv *lifecycle.Inventory) { inv.Findings = append(inv.Findings, f) })
}

func (c *collection) unseen(u lifecycle.Unseen) {
	c.add(func(inv *lifecycle.Inventory) { inv.Unseen = append(inv.Unseen, u) })
}

// merge adds what was found elsewhere.
func (c *collection) merge(found lifecycle.Inventory) {
	for _, key := range found.Keys {
		c.note(key, key.Names...)
	}
	c.add(func(inv *lifecycle.Inventory) {
		inv.Hosts = append(inv.Hosts, found.Hosts...)
		inv.Accounts = append(inv.Accounts, found.Accounts...)
		inv.Places = append(inv.Places, found.Places...)
		inv.Copies = append(inv.Copies, found.Copies...)
		inv.Sightings = append(inv.Sightings, found.Sightings...)
		inv.Watches = append(inv.Watches, found.Watches...)
		inv.Unseen = append(inv.Unseen, found.Unseen...)
		inv.Findings = append(inv.Findings, found.Findings...)
	})
}

// inventory returns what was gathered, with the keys in a fixed order.
func (c *collection) inventory() lifecycle.Inventory {
	c.mu.Lock()
	defer c.mu.Unlock()
	inv := c.inv
	for _, fingerprint := range slices.Sorted(maps.Keys(c.keys)) {
		inv.Keys = append(inv.Keys, *c.keys[fingerprint])
	}
	return inv
}
