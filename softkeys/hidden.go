package softkeys

import (
	"fmt"
	"slices"

	"github.com/keybroker/keybroker/keys"
)

// Remove implements keys.Remover (ssh-add -d). It hides the key and drops its
// opened secret, but keeps its files: the key is listed again after Load, after
// it is imported again, and after a restart.
func (s *Store) Remove(blob []byte) error {
	e := s.current().byBlob[string(blob)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, hidden := s.hidden[string(blob)]; hidden || e == nil {
		return fmt.Errorf("remove: %w", keys.ErrNotFound)
	}
	s.hidden[string(blob)] = e.modified
	delete(s.opened, string(blob))
	s.epoch++
	return nil
}

// RemoveAll implements keys.Remover (ssh-add -D). It closes the vault too.
func (s *Store) RemoveAll() {
	l := s.current()
	s.Forget()
	s.mu.Lock()
	defer s.mu.Unlock()
	for blob, e := range l.byBlob {
		s.hidden[blob] = e.modified
	}
}

// Load lists hidden keys again, all of them if no name is given. If no key has
// one of the names, it returns keys.ErrNotFound and changes nothing.
func (s *Store) Load(names ...string) error {
	l := s.current()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(names) == 0 {
		clear(s.hidden)
		return nil
	}
	var blobs []string
	for _, name := range names {
		i := slices.IndexFunc(l.entries, func(e *entry) bool { return e.info.Name == name })
		if i < 0 {
			return noSealedKey(name)
		}
		blobs = append(blobs, string(l.entries[i].info.Blob))
	}
	for _, blob := range blobs {
		delete(s.hidden, blob)
	}
	return nil
}
