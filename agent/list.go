package agent

import (
	"bytes"
	"slices"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// maxIdentities is the longest list that OpenSSH's clients accept
// (MAX_AGENT_IDENTITIES). They reject a list with more keys as a whole.
const maxIdentities = 2048

// list answers with the keys that neither their constraints nor the rules hide
// from this program, those that fit the host first.
// Listing is written down once for each connection: a program that polls the
// list must not fill the disk.
func (s *session) list() wire.Reply {
	use := s.newUse(keys.OpList)
	if len(s.binds) > 0 { // else there is nothing to tell, and looking costs time
		use.Destination = s.listDestination()
	}
	shown := s.shown(use)
	answer := wire.IdentitiesAnswer{Identities: make([]wire.Identity, 0, len(shown))}
	size := listHeader
	if first := s.server.first.of(use.Peer); first != nil {
		size += listEntry + len(first) + len(askedAbout)
		answer.Identities = append(answer.Identities, wire.Identity{KeyBlob: first, Comment: askedAbout})
		shown = slices.DeleteFunc(shown, func(info keys.Info) bool { return bytes.Equal(info.Blob, first) })
	}
	for _, info := range shown {
		comment := keys.ListedComment(info.Comment)
		entry := listEntry + len(info.Blob) + len(comment)
		if size+entry > wire.MaxMessage || len(answer.Identities) == maxIdentities {
			continue
		}
		size += entry
		answer.Identities = append(answer.Identities, wire.Identity{KeyBlob: info.Blob, Comment: comment})
	}
	if len(answer.Identities) < len(shown) {
		s.server.Log.Warn("the list of keys is longer than a client may read; the rest is left out", "keys", len(shown))
	}
	s.server.listSize.Store(int64(size))
	s.recordList(use, len(answer.Identities))
	return answer
}

// shown is the keys that this program may see, in the order to offer them.
func (s *session) shown(use *keys.Use) []keys.Info {
	rules := s.rules()
	order := *use
	if len(s.binds) > 0 {
		order.Destination = s.listOrder()
	}
	fitting := rules.Fitting(&order)
	rules = rules.ForList(use)
	all := s.server.Ring.List()
	shown := make([]keys.Info, 0, len(all))
	for _, info := range all {
		if s.maySee(&info) != nil || fitting.Hides(&info) || !s.server.listable.is(&info) {
			continue
		}
		use.Key = info
		if s.server.mayUseCertificate(use) == nil && rules.Decide(use).Action != policy.Refuse {
			shown = append(shown, info)
		}
	}
	return s.ordered(shown, &order, fitting)
}

// askedAbout is the comment of a key that is listed only to be asked about.
const askedAbout = "asked about"

// Bytes of an answer beside the keys and comments: its number and the count;
// two lengths for each key.
const listHeader, listEntry = 1 + 4, 4 + 4

// isEmptyList reports whether a request is for the list, and no program whatever has one. A locked
// agent is not meant: it answers so, and writes no record.
func (s *session) isEmptyList(m message) bool {
	return !m.over && len(m.bytes) == 1 && wire.Number(m.bytes[0]) == wire.NumRequestIdentities &&
		!s.server.lock.locked() && s.server.first.none() && len(s.server.Ring.List()) == 0
}

// answerEmptyList answers first, since nothing depends on who asks, and then looks who that was
// for the record. A program that has ended by then is recorded by its user alone.
func (s *session) answerEmptyList() error {
	defer s.account.give(1)
	err := s.write(wire.IdentitiesAnswer{})
	if !s.listed {
		s.meet()
		s.recordList(s.newUse(keys.OpList), 0)
	}
	return err
}

func (s *session) recordList(use *keys.Use, count int) {
	if s.listed {
		return
	}
	s.listed = true
	use.Key = keys.Info{}
	record := audit.FromUse(use)
	record.Decision, record.Count = audit.Allowed, count
	// A list gives away nothing secret: with a full disk the keys that need no
	// record stay visible.
	s.server.writeOrCount(use, record)
}
