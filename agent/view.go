package agent

import (
	"fmt"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"golang.org/x/crypto/ssh"
)

// A separate socket has a view of the keys (policy.View). To its clients, a key
// outside the view does not exist: only the log tells a hidden key from a missing one.

const checkSocket = "see [[socket]] in config.toml"

// find is the key that a request names, as this connection may see it. A key that
// is outside the view is refused in the same words, after the same steps and with
// the same record as one that is not there.
func (s *session) find(blob []byte) (keys.Info, keys.Source, error) {
	if s.socket == "" {
		info, source, found := s.server.Ring.Find(blob)
		if !found {
			return info, nil, noSuchKey(blob)
		}
		return info, source, nil
	}
	public, _ := publickey.Parse(blob) // one that cannot be read is not there
	reach := s.mayReachBound()
	info, source, found := s.server.Ring.FindInAll(blob)
	if !found {
		info = standIn(public)
	}
	shown := s.rules().CheckShow(s.socket, &info)
	switch {
	case reach != nil:
		return keys.Info{}, nil, reach
	case shown != nil:
		return keys.Info{}, nil, refusal{reason: shown.Error() + ": " + nameOf(public), remedy: checkSocket}
	case !found:
		return keys.Info{}, nil, noSuchKey(blob)
	}
	return info, source, nil
}

// standIn is what a view is asked about in the place of a key that is not there.
func standIn(public ssh.PublicKey) keys.Info {
	if public == nil {
		return keys.Info{}
	}
	return keys.NewInfo(public, "")
}

// mayShow returns why the view of this connection hides a key, or nil.
func (s *session) mayShow(key *keys.Info) error {
	if s.socket == "" {
		return nil
	}
	if err := s.rules().CheckShow(s.socket, key); err != nil {
		return refused(err, checkSocket)
	}
	return s.mayReachBound()
}

// mayReachBound says why the socket is not for a host that the connection is bound to.
func (s *session) mayReachBound() error {
	for i := range s.binds {
		if err := s.rules().CheckReach(s.socket, s.host(&s.binds[i])); err != nil {
			return refused(err, checkSocket)
		}
	}
	return nil
}

// mayChangeView refuses changes through a read-only socket. With all it also
// refuses those that concern more keys than the socket shows.
func (s *session) mayChangeView(all bool) error {
	if s.socket == "" {
		return nil
	}
	if err := s.rules().CheckChange(s.socket, all); err != nil {
		return refused(err, checkSocket)
	}
	return nil
}

// mayPut refuses to give a key that is there and hidden from this connection
// other constraints, and to add one that would be out of its sight.
func (s *session) mayPut(blob []byte) error {
	if s.socket == "" {
		if info, _, found := s.server.Ring.Find(blob); found {
			return s.maySee(&info)
		}
		return s.mayAddMore()
	}
	public, err := publickey.Parse(blob)
	if err != nil {
		return refused(fmt.Errorf("the key cannot be used: %w", err), checkKey)
	}
	info, _, found := s.server.Ring.FindInAll(blob)
	if !found {
		info = standIn(public)
	}
	if err := s.maySee(&info); err != nil || found {
		return err
	}
	return s.mayAddMore()
}

// removeShown removes every key that this connection may see.
func (s *session) removeShown() error {
	if s.socket == "" {
		s.server.Ring.RemoveAll()
		return nil
	}
	for _, info := range s.server.Ring.List() {
		if s.maySee(&info) != nil {
			continue
		}
		if err := s.server.Ring.Remove(info.Blob); err != nil {
			s.server.Log.Info("a key stays on the list", "key", info.Fingerprint, "error", err)
		}
	}
	return nil
}
