package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/wire"
)

// Remove implements keys.Remover. The keys belong to another agent, so we only
// hide them until Show. A key that we handed over is removed there too.
func (s *Source) Remove(blob []byte) error {
	_, found := s.Find(blob)
	s.mu.Lock()
	_, ours := s.given[string(blob)] // even an expired one
	if found || ours {
		s.hidden[string(blob)] = true
	}
	s.mu.Unlock()
	if !found && !ours {
		return s.wrap(fmt.Errorf("remove: %w", keys.ErrNotFound))
	}
	if ours {
		return s.takeBack(blob)
	}
	return nil
}

// RemoveAll implements keys.Remover.
func (s *Source) RemoveAll() {
	s.mu.Lock()
	all := slices.Clone(s.keys)
	s.mu.Unlock()
	for _, info := range all {
		if err := s.Remove(info.Blob); err != nil && !errors.Is(err, keys.ErrNotFound) {
			s.config.Log.Error("a key could not be removed from another agent", "agent", s.config.Name, "key", info.Fingerprint, "error", err)
		}
	}
}

// Show lists hidden keys again.
func (s *Source) Show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.hidden)
}

// takeBack removes a key from the other agent that we handed over. The key stays
// hidden if that fails.
func (s *Source) takeBack(blob []byte) error {
	conn, release, err := s.open(context.Background())
	if err != nil {
		return s.wrap(err)
	}
	defer release()
	reply, err := exchange(conn, wire.RemoveIdentity{KeyBlob: blob})
	if err != nil {
		return s.wrap(explain(err))
	}
	if reply != wire.Success {
		return s.wrap(problem.New("the other agent did not remove the key", "remove it there"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.given, string(blob))
	delete(s.hidden, string(blob))
	s.keys = slices.DeleteFunc(slices.Clone(s.keys), func(info keys.Info) bool { return bytes.Equal(info.Blob, blob) })
	s.editedLocked()
	return nil
}
