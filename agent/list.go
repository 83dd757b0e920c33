package agent

import (
	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/agent/wire"
)

// list answers with the keys that neither their constraints nor the rules hide
// from this program.
// Listing is written down once for each connection: a program that polls the
// list must not fill the disk.
func (s *session) list() wire.Reply {
	use := s.newUse(keys.OpList)
	rules := s.server.Rules()
	all := s.server.Ring.List()
	answer := wire.IdentitiesAnswer{Identities: make([]wire.Identity, 0, len(all))}
	size := listHeader
	for _, info := range all {
		if s.visible(&info) != nil {
			continue
		}
		use.Key = info
		size += listEntry + len(info.Blob) + len(info.Comment)
		if size > wire.MaxMessage {
			s.server.Log.Warn("the list of keys is longer than a client may read; the rest is left out", "keys", len(all))
			break
		}
		if rules.Decide(use).Action != policy.Refuse {
			answer.Identities = append(answer.Identities, wire.Identity{KeyBlob: info.Blob, Comment: info.Comment})
		}
	}
	s.recordList(use, len(answer.Identities))
	return answer
}

// Bytes of an answer beside the keys and comments: its number and the count;
// two lengths for each key.
const listHeader, listEntry = 1 + 4, 4 + 4

func (s *session) recordList(use *keys.Use, count int) {
	if s.listed {
		return
	}
	s.listed = true
	use.Key = keys.Info{}
	record := audit.FromUse(use)
	record.Decision, record.Count = audit.Allowed, count
	if _, err := s.server.write(record); err != nil {
		// A list gives away nothing secret: with a full disk the keys that
		// need no record stay visible.
		s.server.Log.Error("a list could not be written to the audit log", "error", err)
	}
}
