package agent

import (
	"bytes"
	"cmp"
	"fmt"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// Destination constraints (OpenSSH PROTOCOL.agent section 2) are held to the
// sessions that were bound on the connection, in the way of ssh-agent.c: every
// hop needs a constraint that leads from the host before it to this one.

// maySee returns why this connection may neither see nor change a key, or nil.
func (s *session) maySee(key *keys.Info) error {
	if err := s.mayShow(key); err != nil {
		return err
	}
	switch {
	case len(key.Destinations) == 0:
		return nil
	case len(s.binds) == 0 && s.bindFailed+s.unproved != "":
		return destinationRefusal("the program could not prove its session: " + cmp.Or(s.bindFailed, s.unproved))
	case len(s.binds) == 0:
		return nil // a program of this machine, which signs nothing yet
	}
	if err := s.walk(key.Destinations, nil); err != nil {
		return err
	}
	// A key that may be used to log in to a host, but not from there on, is
	// hidden from that host.
	if last := s.last(); last.forwarding && !s.anyAllows(key.Destinations, last, nil, nil) {
		return destinationRefusal("the key may be used to log in to that host, but not from there on")
	}
	return nil
}

// mayLogIn returns why a constrained key may not make this signature, or nil.
func (s *session) mayLogIn(use *keys.Use) error {
	constraints, login := use.Key.Destinations, use.Purpose
	switch {
	case len(constraints) == 0:
		return nil
	case len(s.binds) == 0:
		return destinationRefusal("the program did not prove where it logs in")
	case login.Kind != wire.KindLogin:
		return destinationRefusal("the key may be used to log in only")
	}
	last := s.last()
	if last.forwarding {
		return destinationRefusal("the program on the far host did not prove where it logs in")
	}
	if err := s.walk(constraints, &login.User); err != nil {
		return err
	}
	switch {
	case !bytes.Equal(login.SessionID, last.sessionID):
		return destinationRefusal("the login is for another session than the one that was proved last")
	case login.HostKey == nil && len(s.binds) > 1: // ssh and sshd before 8.9
		return destinationRefusal("the login does not name its host key, which a forwarded one must")
	case login.HostKey != nil && !bytes.Equal(login.HostKey, last.hostKey):
		return destinationRefusal("the login names another host key than the one that was proved last")
	}
	return nil
}

// walk goes along the hops. user is the account at the last of them; nil: any.
func (s *session) walk(constraints []keys.DestinationConstraint, user *string) error {
	var from *bind
	for i := range s.binds {
		to, account := &s.binds[i], (*string)(nil)
		switch {
		case i == len(s.binds)-1:
			account = user
		case !to.forwarding: // keepBind lets none follow such a one
			return destinationRefusal("a session was bound after one that logs in")
		}
		if !s.anyAllows(constraints, from, to, account) {
			return destinationRefusal("the key may not be used " + s.describeHop(from, to, account))
		}
		from = to
	}
	return nil
}

// anyAllows reports whether a constraint leads from one host (nil: this machine)
// to another (nil: any) and to this account (nil: any).
func (s *session) anyAllows(constraints []keys.DestinationConstraint, from, to *bind, user *string) bool {
	for _, c := range constraints {
		switch {
		case from == nil && (c.From.Host != "" || len(c.From.Keys) > 0):
		case from != nil && !s.isHop(from, c.From):
		case to != nil && !s.isHop(to, c.To):
		case user != nil && c.To.User != "" && !keys.NewPattern(c.To.User, keys.SingleBytes).Match(*user):
		default:
			return true
		}
	}
	return false
}

func (s *session) last() *bind { return &s.binds[len(s.binds)-1] }

func (s *session) describeHop(from, to *bind, user *string) string {
	text := "to log in to the host " + s.host(to).Name()
	if user != nil {
		text = fmt.Sprintf("to log in as %.64q to the host %s", *user, s.host(to).Name())
	}
	if from != nil {
		text += " from " + s.host(from).Name()
	}
	return text
}

func destinationRefusal(why string) refusal {
	return refusal{reason: "destination constraint: " + why,
		remedy: "see where the key may be used: keybroker keys list; add it again to change that: ssh-add -h"}
}
