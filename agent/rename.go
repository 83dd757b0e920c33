package agent

import (
	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// Renames writes down what a key is called from now on, by peer. With an error
// it must keep its name.
func (s *Server) Renames(peer platform.Peer, key keys.Info, what string) error {
	use := s.newUse(keys.OpRename, peer)
	use.Key = key
	if err := s.record(use, audit.Allowed, what, ""); err != nil {
		return noRecord(err)
	}
	return nil
}
