package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// Grant is the person's "allow for 15 minutes": uses exactly like the one that
// was allowed need no further question until Until.
type Grant struct {
	ID          string      `json:"id"`
	Fingerprint string      `json:"fingerprint"`
	KeyName     string      `json:"key_name,omitempty"`
	Program     string      `json:"program"`        // absolute path of the executable
	Host        keys.Host   `json:"host,omitzero"`  // a host that proved its key; empty when the signature goes to no host
	User        string      `json:"user,omitempty"` // login: the account on the host
	Purpose     string      `json:"purpose"`
	Forwarded   bool        `json:"forwarded,omitempty"`
	Socket      string      `json:"socket,omitempty"`    // name of the separate socket; "": the agent's own
	Container   bool        `json:"container,omitempty"` // the program runs in a container: the grant is for that container only
	Rule        string      `json:"rule,omitempty"`      // the rule that asked
	Burst       *Burst      `json:"burst,omitempty"`     // only below this command, and only so many times
	Hosts       []keys.Host `json:"hosts,omitempty"`     // with Burst: any of these, instead of Host
	Until       time.Time   `json:"until"`
}

// scope is everything that two uses must have in common for one grant.
type scope struct {
	owner, socket, blob, program, host, hops, user, purpose string
	namespaces                                              string // the same path is another file in a container
	forwarded                                               bool
	burstPID                                                int    // burst: the command's process,
	burstStart                                              uint64 // and its start time
	command                                                 string // several hosts: the command's executable and arguments
	grantNumber                                             uint64 // several hosts: one command may have several grants
}

func scopeOf(u *keys.Use) scope {
	s := scope{
		owner:      u.Peer.User,
		socket:     u.Socket,
		blob:       string(u.Key.Blob),
		program:    u.Peer.Executable,
		namespaces: u.Peer.Shares.Namespaces,
		user:       u.Purpose.User,
		purpose:    u.Purpose.String(),
		forwarded:  u.Destination.Forwarded,
	}
	if u.Destination.Trust.Proved() {
		s.host = u.Destination.Host.Fingerprint
	}
	var hops []string
	for _, hop := range u.Destination.Hops {
		hops = append(hops, hop.Fingerprint)
	}
	s.hops = strings.Join(hops, " ")
	return s
}

// grantable reports whether enough is known about a use to recognize another one
// like it. Offer decides about forwarded requests, because that depends on the rule.
func grantable(u *keys.Use) bool {
	switch {
	case u.Op != keys.OpSign, !u.Purpose.Kind.Everyday(), u.Key.Confirm, len(u.Key.Blob) == 0:
		return false
	case !u.Peer.Identified || u.Peer.Executable == "":
		return false
	case u.Purpose.Kind == wire.KindLogin:
		return u.Destination.Trust.Proved() && u.Destination.Host.Fingerprint != ""
	}
	return true
}

// Offer returns the longest grant that the person may be offered for u after
// decision d; 0 means none.
func Offer(u *keys.Use, d Decision) time.Duration {
	if d.Action != Ask || !grantable(u) || u.Destination.Relayed || u.Destination.Forwarded && !d.Forwarded {
		return 0
	}
	return min(max(d.Remember, 0), MaxRemember)
}

func newGrant(id string, u *keys.Use, d Decision, t terms) Grant {
	grant := Grant{
		ID: id, Fingerprint: u.Key.Fingerprint, KeyName: u.Key.Name, Program: u.Peer.Executable,
		User: u.Purpose.User, Purpose: u.Purpose.String(), Forwarded: u.Destination.Forwarded, Socket: u.Socket, Container: u.Peer.Container,
		Rule: d.Rule, Burst: t.burst, Until: t.until,
	}
	if len(t.hosts) > 0 {
		for _, host := range t.hosts {
			grant.Hosts = append(grant.Hosts, keys.Host{Fingerprint: host.Fingerprint, Names: slices.Clone(host.Names)})
		}
		return grant
	}
	if u.Destination.Trust.Proved() {
		grant.Host = keys.Host{Fingerprint: u.Destination.Host.Fingerprint, Names: slices.Clone(u.Destination.Host.Names)}
	}
	return grant
}

// GrantReason is the recorded reason for a use that the grant allowed. why is the
// reason why the rules would have asked.
func GrantReason(grant Grant, why string) string { return "grant " + grant.ID + ": " + why }

// expired reads both clocks: the monotonic one stops while the machine sleeps,
// and the wall clock can be set back.
func expired(grant Grant, now time.Time) bool {
	return !now.Before(grant.Until) || !now.Round(0).Before(grant.Until.Round(0))
}
