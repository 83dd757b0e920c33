package agent

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// destination says where a signature goes. For a login that is the host that proved
// its key on this connection, for the same session.
func (s *session) destination(purpose wire.Purpose) keys.Destination {
	d := s.route()
	if purpose.Kind != wire.KindLogin {
		return d
	}
	if d.Why = s.notProved(purpose); d.Why == "" {
		return s.withTyped(withProvedHost(d, s.host(s.last())))
	}
	named := s.hostOfKey(purpose.HostKey)
	if d.Named = named; named.Revoked == "" {
		if bound := s.boundHost(); bound.Revoked != "" {
			d.Named = bound
		}
	}
	if len(named.Names) > 0 {
		d.Trust, d.Claimed, d.Why = keys.TrustClaimed, named.Name(), d.Why+"; the login names this host's key"
		return d
	}
	// The command line of a forwarding ssh names its own host, not where the
	// far end wants to log in.
	if claim := claimedHost(s.peer); claim.host != "" && !d.Forwarded {
		d.Trust, d.Claimed = keys.TrustClaimed, claim.host
	}
	return d
}

// claimRemote adds the address of the client's only TCP connection to a login about
// which nothing else is known. It informs the person who is asked; rules never match it.
func (s *session) claimRemote(use *keys.Use) {
	d := &use.Destination
	if use.Purpose.Kind != wire.KindLogin || d.Trust != keys.TrustNone || d.Forwarded {
		return
	}
	if remote := s.remoteOnce(); remote != "" {
		d.Trust, d.Claimed = keys.TrustClaimed, remote
		d.Why += "; that is where its one connection leads"
	}
}

// remoteOnce returns the address of the client's only TCP connection, or "". It is
// looked up once for each connection, because that takes milliseconds.
func (s *session) remoteOnce() string {
	if s.remote == nil {
		s.remote = new(string)
		if remote, ok := platform.RemoteOf(s.peer.Process); ok && s.peer.Identified {
			*s.remote = fmt.Sprintf("%s port %d", remote.Addr(), remote.Port())
		}
	}
	return *s.remote
}

// withTyped compares a proved host with the name that the person typed. A host
// without a known name cannot be compared. The command line of a forwarding ssh
// names the host that it forwards to.
func (s *session) withTyped(d keys.Destination) keys.Destination {
	if d.Forwarded {
		return d
	}
	d.Typed = claimedHost(s.peer).host
	isItsName := func(name string) bool { return slices.Contains(d.Host.Names, name) }
	d.OtherName = d.Typed != "" && len(d.Host.Names) > 0 && !d.Host.Cut && !slices.ContainsFunc(s.typedNames(), isItsName)
	return d
}

// hostOfKey returns the host whose key a login names without proof. No other host
// accepts that login if it checks the key.
func (s *session) hostOfKey(blob []byte) keys.Host {
	key, err := publickey.Parse(blob)
	if err != nil {
		return keys.Host{}
	}
	return s.host(&bind{hostKey: blob, key: key})
}

// boundHost returns the server that was bound last. It is zero if there is none, or only a hop.
func (s *session) boundHost() keys.Host {
	if len(s.binds) == 0 || s.last().forwarding {
		return keys.Host{}
	}
	return s.host(s.last())
}

// route returns the hosts that the agent is forwarded through, without a destination.
func (s *session) route() keys.Destination {
	d := keys.Destination{Trust: keys.TrustNone, Forwarded: s.forwarded(), Relayed: s.relayed()}
	for i := range s.binds {
		if b := &s.binds[i]; b.forwarding {
			d.Hops = append(d.Hops, s.host(b))
		}
	}
	return d
}

// withProvedHost adds the host at the end of the route, which proved its key.
func withProvedHost(d keys.Destination, host keys.Host) keys.Destination {
	d.Trust, d.Host = keys.TrustNew, host
	if len(host.Names) > 0 {
		d.Trust = keys.TrustVerified
	}
	return d
}

// listDestination says where a list of keys goes. Behind a forwarded agent that is
// not known, because no login has named its host key yet.
func (s *session) listDestination() keys.Destination {
	d := s.listOrder()
	if d.Forwarded && d.Trust.Proved() {
		d.Trust, d.Host, d.Why = keys.TrustNone, keys.Host{}, behindHop
	}
	return d
}

// listOrder returns the host by which a list is ordered: the one bound last, if it is
// a server to log in to. It decides nothing.
func (s *session) listOrder() keys.Destination {
	d := s.route()
	if len(s.binds) == 0 || s.bindFailed != "" || s.last().forwarding {
		return d
	}
	return withProvedHost(d, s.host(s.last()))
}

const behindHop = "behind a forwarded agent only a login that names its host key proves where it goes (ssh and sshd since 8.9 do that)"

// notProved gives the reason why the login's destination is not proved, or "".
//
// A host that the agent is forwarded to can sign any session id with its own
// host key: that of a session with somebody else, too. So from there on the data
// that is signed must name the host key (OpenSSH PROTOCOL section 3.1). From this
// machine the plain method of RFC 4252 counts: here it is a program of the user
// that says which session is whose (docs/threat-model.md).
func (s *session) notProved(login wire.Purpose) string {
	switch {
	case s.bindFailed != "":
		return s.bindFailed
	case len(s.binds) == 0:
		return cmp.Or(s.unproved, "the program did not bind its session (OpenSSH does since 8.9)")
	}
	last := s.last()
	switch {
	case last.forwarding:
		return cmp.Or(s.unproved, "the program on the far host did not bind its session")
	case !bytes.Equal(last.sessionID, login.SessionID):
		return "the login is for another session than the one that was bound"
	case login.Method != wire.MethodHostBound && s.forwarded():
		return behindHop
	case login.Method == wire.MethodHostBound && !bytes.Equal(last.hostKey, login.HostKey):
		return "the login names another host key than the one that was bound"
	}
	return ""
}
