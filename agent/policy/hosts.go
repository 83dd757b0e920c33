package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// MaxHosts is how many hosts one answer may cover: as many names as a person
// can read in a window. The limits of a Burst hold, too.
const MaxHosts = 40

// everybodysParents start programs that have nothing else in common.
var everybodysParents = []string{"systemd", "init", "launchd"}

// HostsOffer is what the person may be offered when a command (parallel-ssh,
// ansible) logs in to several hosts at once.
type HostsOffer struct {
	Burst Burst
	For   time.Duration
	Like  any // comparable: equal for logins of the command that differ in the host alone
}

// OfferHosts says whether u, which decision d asks about, may be answered
// together with other logins of its command. The destination must be a local
// login to a host that has a name, and may be remembered by itself.
func OfferHosts(u *keys.Use, d Decision) (HostsOffer, bool) {
	remember := Offer(u, d)
	if remember == 0 || !hasNamedHost(u) {
		return HostsOffer{}, false
	}
	command, ok := fanOut(u.Peer)
	if !ok {
		return HostsOffer{}, false
	}
	like := struct {
		scope
		rule     string
		remember time.Duration
	}{hostsScope(u, command), d.Rule, remember}
	burst := Burst{Command: command.Title(), PID: command.PID, Start: command.Start, Left: MaxBurst}
	return HostsOffer{Burst: burst, For: min(remember, BurstTime), Like: like}, true
}

// hasNamedHost is true for a local login to a host that is known for certain and
// is the one that was typed.
func hasNamedHost(u *keys.Use) bool {
	d := &u.Destination
	return u.Purpose.Kind == wire.KindLogin && d.Trust == keys.TrustVerified && !d.OtherName &&
		len(d.Host.Names) > 0 && !d.Forwarded && !d.Relayed && len(d.Hops) == 0
}

// fanOut is the command that started the program: its parent, or what the parent
// is a copy of (ansible forks a worker for each host).
func fanOut(peer platform.Peer) (command platform.Process, ok bool) {
	if len(peer.Parents) == 0 {
		return command, false
	}
	command = peer.Parents[0]
	for _, p := range peer.Parents[1:] {
		if !isForkOf(command, p) {
			break
		}
		command = p
	}
	known := command.PID > 1 && command.Start != 0 && command.Executable != "" // root's own processes show no file
	return command, known && !slices.Contains(everybodysParents, command.Name)
}

// isForkOf is true for a process that runs the same program with the same arguments as its parent.
func isForkOf(p, parent platform.Process) bool {
	return p.Executable != "" && p.Executable == parent.Executable && len(p.Args) > 0 && slices.Equal(p.Args, parent.Args)
}

// hostsScope is what a login must have in common with another one of the command. A
// process that executes something else is another command.
func hostsScope(u *keys.Use, command platform.Process) scope {
	s := scopeOf(u)
	s.host, s.tree, s.start = "", command.PID, command.Start
	s.command = strings.Join(append([]string{command.Executable}, command.Args...), "\x00")
	return s
}

// AddHosts makes a grant for logins like u to any of hosts by the command that
// OfferHosts found. u itself, which was asked about, is the first of them; its host must be one of hosts.
func (g *Grants) AddHosts(u *keys.Use, d Decision, hosts []keys.Host, until time.Time) (Grant, error) {
	offer, ok := OfferHosts(u, d)
	if !ok || len(hosts) > MaxHosts || !hasHost(hosts, u.Destination.Host) {
		return Grant{}, ErrNotGrantable
	}
	command, _ := fanOut(u.Peer)
	offer.Burst.Left--
	return g.add(hostsScope(u, command), u, d, terms{burst: &offer.Burst, hosts: hosts, until: until})
}

func hasHost(hosts []keys.Host, host keys.Host) bool {
	return host.Fingerprint != "" && slices.ContainsFunc(hosts, func(h keys.Host) bool { return h.Fingerprint == host.Fingerprint })
}

// hostsGrantLocked is the grant for several hosts that covers u. A command may have more
// than one: each answer is for the hosts that it was shown.
func (g *Grants) hostsGrantLocked(u *keys.Use, now time.Time) (found scope, ok bool) {
	command, ok := fanOut(u.Peer)
	if !ok || !hasNamedHost(u) {
		return found, false
	}
	want := hostsScope(u, command)
	for s, grant := range g.held {
		want.answer = s.answer
		if s == want && len(grant.Hosts) > 0 && hasHost(grant.Hosts, u.Destination.Host) && !expired(grant, now) {
			return s, true
		}
	}
	return found, false
}
