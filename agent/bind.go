package agent

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// maxBinds bounds the sessions of one connection: one for each host that the
// agent is forwarded through. OpenSSH's agent allows as many.
const maxBinds = 16

// keptBytes is what is held of each byte of a bound host key: the key, and what
// it was parsed to, which for a certificate with many principals is more.
const keptBytes = 4

// bind is one SSH session that was proved on this connection (OpenSSH
// PROTOCOL.agent section 1): the host signed the session id with its host key.
type bind struct {
	hostKey    []byte
	key        ssh.PublicKey // nil where unproved says why
	sessionID  []byte
	forwarding bool
	unproved   string // a hop only: its proof cannot be checked, and it is a hop all the same

	certificate certificateState
}

// bind answers session-bind@openssh.com. It works while the agent is locked.
func (s *session) bind(contents []byte) wire.Reply {
	if len(s.bindings) <= maxBinds { // also what fails: an agent behind this one judges for itself
		if !s.account.take(len(contents)) {
			defer s.hangUp() // that agent would know less than happened here
			return s.refuse(s.newUse(keys.OpBind), overBudget)
		}
		s.bindings = append(s.bindings, bytes.Clone(contents))
	}
	err := s.addBind(contents)
	switch unknown := (unknownHostKey{}); {
	case err == nil:
		return wire.Success
	case errors.As(err, &unknown):
		s.unproved = err.Error()
	default:
		s.bindFailed = err.Error()
	}
	s.refuse(s.newUse(keys.OpBind), refused(err, "where signatures on this connection go stays unproved: rules that name a host do not allow them"))
	return wire.ExtensionFailure
}

func (s *session) addBind(contents []byte) error {
	request, err := wire.ParseSessionBind(contents)
	if err != nil {
		return err
	}
	// The key that is parsed points into its blob, and the message is wiped.
	hostKey := bytes.Clone(request.HostKey)
	next := bind{hostKey: hostKey, sessionID: bytes.Clone(request.SessionID), forwarding: request.Forwarding}
	if next.key, err = publickey.Parse(hostKey); err != nil {
		return s.unknownKey(next, err)
	}
	var signature ssh.Signature
	if err := ssh.Unmarshal(request.Signature, &signature); err != nil {
		return fmt.Errorf("session-bind: signature: %w", err)
	}
	if err := publickey.Certified(next.key).Verify(request.SessionID, &signature); err != nil {
		return fmt.Errorf("session-bind: the host's signature over the session id does not verify: %w", err)
	}
	return s.keepBind(next)
}

func (s *session) keepBind(next bind) error {
	for _, before := range s.binds {
		sameSession := bytes.Equal(before.sessionID, next.sessionID)
		switch {
		case sameSession && bytes.Equal(before.hostKey, next.hostKey) && before.forwarding == next.forwarding:
			return nil // already known
		case !before.forwarding:
			return fmt.Errorf("session-bind: the connection is bound to a login already")
		case sameSession:
			return fmt.Errorf("session-bind: the session id was bound before, otherwise")
		}
	}
	if len(s.binds) == maxBinds {
		return fmt.Errorf("session-bind: more than %d sessions on one connection", maxBinds)
	}
	if !s.account.take(keptBytes * len(next.hostKey)) {
		return overBudget
	}
	s.binds = append(s.binds, next)
	return nil
}

// forwarded reports whether this connection serves a host that the agent is
// forwarded to. A failed bind counts: what it would have said is not known. One
// of an unknown kind of host key said it. A program that does not bind and yet
// has a connection that is bound hands on what a far host sends.
func (s *session) forwarded() bool {
	for _, b := range s.binds {
		if b.forwarding {
			return true
		}
	}
	return s.bindFailed != "" || s.relayed()
}
