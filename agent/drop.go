package agent

import (
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// Drop is what ends when the person goes away.
type Drop struct {
	Secrets bool // opened keys and card PINs: the next use opens them again
	Grants  bool
}

// Drop drops, ends what is asked at that moment, and writes that and why to the
// audit log. It returns what it did in a few words. With quiet it is written only when a grant has ended: the
// same has been told just before.
func (s *Server) Drop(what Drop, why string, quiet bool) string {
	var did []string
	ended := 0
	if what != (Drop{}) {
		s.epoch.advance(why, func() {
			if what.Grants {
				ended = s.Grants.RevokeAll()
			}
		})
	}
	if what.Grants {
		did = append(did, fmt.Sprintf("grants ended: %d", ended))
	}
	if what.Secrets {
		s.Ring.Forget()
		did = append(did, "opened keys and PINs dropped")
	}
	text := why + ": " + strings.Join(did, ", ")
	if len(did) == 0 || quiet && ended == 0 {
		return text
	}
	// Not a request: the log speaks of the broker itself.
	record := audit.Record{ID: newID(), Op: keys.OpDrop, Decision: audit.Note, Reason: text}
	s.writeOrCount(s.newUse(keys.OpDrop, platform.Peer{}), record)
	return text
}
