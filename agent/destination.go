package agent

import (
	"bytes"

	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/agent/wire"
)

// destination says where a signature goes: for a login the host that proved
// its key on this connection for the very session that is to be signed.
func (s *session) destination(purpose wire.Purpose) keys.Destination {
	claim := claimedHost(s.peer)
	d := keys.Destination{Trust: keys.TrustNone, Forwarded: s.forwarded()}
	for _, b := range s.binds {
		if b.forwarding {
			d.Hops = append(d.Hops, s.host(b, claim))
		}
	}
	if purpose.Kind != wire.KindLogin {
		return d
	}
	if d.Why = s.notVerified(purpose); d.Why == "" {
		d.Trust = keys.TrustVerified
		d.Host = s.host(s.binds[len(s.binds)-1], claim)
		return d
	}
	// The command line of a forwarding ssh names its own host, not where the
	// far end wants to log in.
	if claim.host != "" && !d.Forwarded {
		d.Trust, d.Claimed = keys.TrustClaimed, claim.host
	}
	return d
}

// listDestination says where the keys of a list are for: the host that was
// bound last, when it is one to log in to. Behind a host that the agent is
// forwarded to anything may follow, so there the destination is not known.
func (s *session) listDestination() keys.Destination {
	d := s.destination(wire.Purpose{})
	if len(s.binds) == 0 || s.bindFailed != "" {
		return d
	}
	if last := s.binds[len(s.binds)-1]; !last.forwarding {
		d.Trust, d.Host = keys.TrustVerified, s.host(last, claimedHost(s.peer))
	}
	return d
}

// notVerified gives the reason why the login's destination is not proved, or "".
func (s *session) notVerified(login wire.Purpose) string {
	switch {
	case s.bindFailed != "":
		return s.bindFailed
	case len(s.binds) == 0:
		return "the program did not bind its session (OpenSSH does since 8.9)"
	}
	last := s.binds[len(s.binds)-1]
	switch {
	case last.forwarding:
		return "the program on the far host did not bind its session"
	case !bytes.Equal(last.sessionID, login.SessionID):
		return "the login is for another session than the one that was bound"
	case login.HostKey != nil && !bytes.Equal(last.hostKey, login.HostKey):
		return "the login names another host key than the one that was bound"
	}
	return ""
}
