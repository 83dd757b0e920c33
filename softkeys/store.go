package softkeys

import (
	"context"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform/secret"
)

const sourceName = "softkeys"

var (
	_ keys.Source    = (*Store)(nil)
	_ keys.Lender    = (*Store)(nil)
	_ keys.Remover   = (*Store)(nil)
	_ keys.Forgetter = (*Store)(nil)
)

// Store is the keys.Source of the sealed keys in one directory. The command line
// writes there without the daemon, so each List and Find checks the directory.
type Store struct {
	vault *Vault
	dir   string

	mu      sync.RWMutex                   // guards what follows; never held over a file, the vault or a signature
	listing *listing                       // nil: not read yet
	opened  map[string]ssh.AlgorithmSigner // by blob
	broken  map[string]string              // by blob: why the key could not be opened
	hidden  map[string]time.Time           // by blob: entry.modified when the key was hidden
	epoch   uint64                         // counts the calls that drop opened keys
}

// NewStore returns the store of the keys in config.Dir. It reads nothing yet.
func NewStore(config Config) *Store {
	return &Store{
		vault:  NewVault(config),
		dir:    config.keysDir(),
		opened: map[string]ssh.AlgorithmSigner{},
		broken: map[string]string{},
		hidden: map[string]time.Time{},
	}
}

// Vault returns the vault that the keys are sealed to.
func (s *Store) Vault() *Vault { return s.vault }

// Name implements keys.Source.
func (s *Store) Name() string { return sourceName }

// List implements keys.Source: the keys by name, without hidden keys and those
// whose files are damaged (see All).
func (s *Store) List() []keys.Info {
	var infos []keys.Info
	for _, e := range s.All() {
		if e.Info.PublicKey != nil && !e.Hidden {
			infos = append(infos, e.Info)
		}
	}
	return infos
}

// Entry is one key as `keybroker keys list` shows it.
type Entry struct {
	keys.Info        // PublicKey is nil if it may not be the key's; State says why
	Hidden    bool   // by ssh-add -d or -D, until Load or the next start
	Unproved  bool   // the vault is still closed: another program could have changed name, comment and public key
	Remedy    string // what to do about a State that says "damaged"; else ""
}

// Damaged reports whether the key's files must be repaired before it can be used.
func (e *Entry) Damaged() bool { return e.Remedy != "" }

// Prove opens the vault if that does not ask the person, so that the keys are
// proved from now on. It keeps no secret that opens a key.
func (s *Store) Prove(ctx context.Context) {
	if len(s.current().entries) > 0 {
		s.vault.prove(ctx)
	}
}

// All returns every key in the directory, the hidden and the damaged too.
func (s *Store) All() []Entry {
	l := s.current()
	unlocked := s.vault.Opened()
	s.mu.RLock()
	defer s.mu.RUnlock()
	entries := make([]Entry, 0, len(l.entries))
	for _, e := range l.entries {
		_, hidden := s.hidden[string(e.info.Blob)]
		entry := Entry{Info: s.infoLocked(e, unlocked), Hidden: hidden, Unproved: e.damage == "" && !e.proved, Remedy: e.remedy}
		if s.broken[string(e.info.Blob)] != "" {
			entry.Remedy = keepFiles
		}
		entries = append(entries, entry)
	}
	return entries
}

// Find implements keys.Source.
func (s *Store) Find(blob []byte) (keys.Info, bool) {
	e := s.current().byBlob[string(blob)]
	if e == nil {
		return keys.Info{}, false
	}
	unlocked := s.vault.Opened()
	s.mu.RLock()
	defer s.mu.RUnlock()
	if _, hidden := s.hidden[string(blob)]; hidden {
		return keys.Info{}, false
	}
	return s.infoLocked(e, unlocked), true
}

// infoLocked adds the state that does not come from the directory.
func (s *Store) infoLocked(e *entry, unlocked bool) keys.Info {
	info := e.info
	switch {
	case e.damage != "":
		info.State = "damaged: " + e.damage
	case s.broken[string(info.Blob)] != "":
		info.State = "damaged: " + s.broken[string(info.Blob)]
	case s.opened[string(info.Blob)] == nil && !unlocked:
		info.State = "sealed"
	}
	return info
}

// Err says why the directory cannot be read; nil if it can, or does not exist.
func (s *Store) Err() error { return s.current().err }

// Refresh reads the directory again, whatever its time stamp says.
func (s *Store) Refresh() {
	s.mu.Lock()
	s.listing = nil
	s.mu.Unlock()
	s.reload()
}

// current returns the listing, and reads it again if the directory has changed.
func (s *Store) current() *listing {
	s.mu.RLock()
	l := s.listing
	s.mu.RUnlock()
	if l != nil && l.key == s.vault.proofKey() && l.stamps.Unchanged() {
		return l
	}
	return s.reload()
}

func (s *Store) reload() *listing {
	s.mu.RLock()
	before := s.listing
	s.mu.RUnlock()
	l := scan(s.dir, s.vault.proofKey(), before)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listing == nil || !s.listing.stamps.Equal(&l.stamps) {
		clear(s.broken) // the file may be repaired
	}
	s.listing = l
	if l.err != nil { // so nobody knows which keys are gone
		return l
	}
	for blob := range s.opened {
		if l.byBlob[blob] == nil {
			delete(s.opened, blob)
			secret.Sweep()
		}
	}
	for blob, modified := range s.hidden {
		if e := l.byBlob[blob]; e == nil || !e.modified.Equal(modified) {
			delete(s.hidden, blob) // it was deleted or written again
		}
	}
	return l
}
