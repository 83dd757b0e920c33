package agent

import (
	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// KeyRenamed records the new name that peer gives a key. If it returns an error, the
// key must keep its name.
func (s *Server) KeyRenamed(peer platform.Peer, key keys.Info, what string) error {
	use := s.newUse(keys.OpRename, peer)
	use.Key = key
	if err := s.record(use, audit.Allowed, what, ""); err != nil {
		return noRecord(err)
	}
	return nil
}
