package agent

import (
	"fmt"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform/secret"
	"github.com/keybroker/keybroker/wire"
)

// These requests change which keys the agent holds. An addition that cannot be recorded in
// the audit log is undone or not made. A removal is made all the same: a key that cannot be
// taken away because a disk is full is worse than a removal that nobody can look up.

func (s *session) add(request wire.AddIdentity) wire.Reply {
	if request.IsSecurityKey() {
		return s.addSecurityKey(request)
	}
	use := s.newUse(keys.OpAdd)
	if err := s.mayChange(); err != nil {
		return s.refuse(use, err)
	}
	added, err := secret.Get(func() (keys.Added, error) { return parseAdded(request) })
	if err != nil {
		return s.refuse(use, err)
	}
	if added.Lifetime == 0 {
		added.Lifetime = s.server.DefaultLifetime
	}
	if err := s.mayReplace(added); err != nil {
		return s.refuse(use, err)
	}
	blob, err := publicBlob(added)
	if err != nil {
		return s.refuse(use, refused(err, checkKey))
	}
	return s.put(use, blob, describe(added.Limits), func() (keys.Info, error) {
		info, err := s.server.Ring.Add(added)
		if err != nil {
			err = refused(err, checkKey)
		}
		return info, err
	})
}

// put adds a key and records it. A new key whose record fails is taken away again. One that
// is listed is recorded before it is changed, so that it stays as it was.
func (s *session) put(use *keys.Use, blob []byte, what string, add func() (keys.Info, error)) wire.Reply {
	listed, _, replaces := s.server.Ring.Find(blob)
	if replaces {
		use.Key = listed
		if err := s.record(use, audit.Allowed, what, ""); err != nil {
			return s.refuse(use, noRecord(err))
		}
	}
	added, err := add()
	if err != nil {
		return s.refuse(use, err)
	}
	use.Key = added
	if replaces {
		return wire.Success
	}
	if err := s.record(use, audit.Allowed, what, ""); err != nil {
		_ = s.server.Ring.Remove(blob) // it was just added
		return s.refuse(use, noRecord(err))
	}
	return wire.Success
}

const checkKey = "check the key file: ssh-keygen -y -f FILE"

func (s *session) remove(request wire.RemoveIdentity) wire.Reply {
	use := s.newUse(keys.OpRemove)
	info, _, err := s.find(request.KeyBlob)
	if err != nil {
		return s.refuse(use, err)
	}
	use.Key = info
	if err := s.maySee(&info); err != nil {
		return s.refuse(use, err)
	}
	return s.takeAway(use, func() error { return s.server.Ring.Remove(request.KeyBlob) })
}

func (s *session) removeAll() wire.Reply {
	return s.takeAway(s.newUse(keys.OpRemoveAll), s.removeShown)
}

func (s *session) takeAway(use *keys.Use, remove func() error) wire.Reply {
	if err := s.mayChange(); err != nil {
		return s.refuse(use, err)
	}
	if err := s.record(use, audit.Allowed, "", ""); err != nil {
		s.server.Log.Error("keys are removed without a record: the audit log cannot be written", "error", err, "operation", use.Op, "pid", use.Peer.PID)
	}
	if err := remove(); err != nil {
		return s.refuse(use, err)
	}
	return wire.Success
}

// mayReplace is mayPut for a key with its private half.
func (s *session) mayReplace(added keys.Added) error {
	blob, err := publicBlob(added)
	if err != nil {
		return refused(fmt.Errorf("the key cannot be used: %w", err), checkKey)
	}
	return s.mayPut(blob)
}

// mayChange refuses a forwarded connection: the far host may use keys as the
// rules allow, but not take them away, add its own or lock their owner out.
func (s *session) mayChange() error {
	if err := s.mayChangeView(false); err != nil {
		return err
	}
	if s.server.ForwardedChanges || !s.forwarded() {
		return s.mayRecord()
	}
	return refusal{reason: "a forwarded connection may not change the agent",
		remedy: "do it on the machine where keybroker runs"}
}

// describe says in the audit log what limits the key came with.
func describe(l keys.Limits) string {
	text := ""
	if l.Lifetime > 0 {
		text = "for " + keys.ShortDuration(l.Lifetime)
	}
	if l.Confirm {
		text = join(text, "with confirmation")
	}
	if len(l.Destinations) > 0 {
		text = join(text, "only to "+keys.DestinationText(l.Destinations))
	}
	return text
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}
