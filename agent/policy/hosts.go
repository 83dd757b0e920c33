package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// MaxHosts is how many hosts one answer may cover: as many names as a person can
// read in a window. The limits of a Burst apply, too.
const MaxHosts = 40

// MaxAnnounced is how many hosts keybroker's own commands may announce before they log in
// to the first one. A person judges the number and the command, not each name.
const MaxAnnounced = 1000

// loginsPerHost is what an announced host may be logged in to: to read, to change, and
// for the proofs before and after.
const loginsPerHost = 4

// LoginsTo is how many logins a grant for announced hosts is for.
func LoginsTo(hosts []keys.Host) int { return loginsPerHost * len(hosts) }

// serviceManagers start unrelated programs.
var serviceManagers = []string{"systemd", "init", "launchd"}

// HostsOffer is the offer to the person when a command (parallel-ssh, ansible)
// logs in to several hosts at once.
type HostsOffer struct {
	Burst Burst
	For   time.Duration
	Like  any // comparable; equal for logins of the command that differ only in the host
}

// OfferHosts reports whether u, which decision d asks about, may be answered
// together with other logins of its command. It must be a local login to a named
// host, and one that may be remembered.
func OfferHosts(u *keys.Use, d Decision) (HostsOffer, bool) {
	remember := Offer(u, d)
	if remember == 0 || !hasNamedHost(u) {
		return HostsOffer{}, false
	}
	command, ok := launcher(u.Peer)
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

// hasNamedHost reports whether u is a local login to a verified host that is the
// one that was typed.
func hasNamedHost(u *keys.Use) bool {
	d := &u.Destination
	return u.Purpose.Kind == wire.KindLogin && d.Trust == keys.TrustVerified && !d.OtherName &&
		len(d.Host.Names) > 0 && !d.Forwarded && !d.Relayed && len(d.Hops) == 0
}

// launcher returns the command that started the program: its parent, or the process
// that the parent is a fork of (ansible forks a worker for each host).
func launcher(peer platform.Peer) (command platform.Process, ok bool) {
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
	known := command.PID > 1 && command.Start != 0 && command.Executable != "" // root's processes show no executable
	return command, known && !slices.Contains(serviceManagers, command.Name)
}

// isForkOf reports whether p runs the same program as its parent, with the same arguments.
func isForkOf(p, parent platform.Process) bool {
	return p.Executable != "" && p.Executable == parent.Executable && len(p.Args) > 0 && slices.Equal(p.Args, parent.Args)
}

// hostsScope is what the logins of one command have in common. A process that has
// executed another program is another command.
func hostsScope(u *keys.Use, command platform.Process) scope {
	s := scopeOf(u)
	s.host, s.burstPID, s.burstStart = "", command.PID, command.Start
	s.command = strings.Join(append([]string{command.Executable}, command.Args...), "\x00")
	return s
}

// AddHosts makes a grant for logins like u to any of hosts by the command that
// OfferHosts found. u itself counts as the first of them; its host must be one of
// hosts.
func (g *Grants) AddHosts(u *keys.Use, d Decision, hosts []keys.Host, until time.Time) (Grant, error) {
	if slices.ContainsFunc(hosts, func(h keys.Host) bool { return h.Fingerprint == "" }) {
		return Grant{}, ErrNotGrantable
	}
	return g.addHosts(u, d, hosts, until, MaxHosts, MaxBurst)
}

// AddAnnounced is AddHosts for the hosts that the command announced. They have names
// and no fingerprints: the first login may be long before the last one.
func (g *Grants) AddAnnounced(u *keys.Use, d Decision, hosts []keys.Host, until time.Time) (Grant, error) {
	return g.addHosts(u, d, hosts, until, MaxAnnounced, LoginsTo(hosts))
}

func (g *Grants) addHosts(u *keys.Use, d Decision, hosts []keys.Host, until time.Time, most, logins int) (Grant, error) {
	offer, ok := OfferHosts(u, d)
	if !ok || len(hosts) > most || !HasHost(hosts, u.Destination.Host) {
		return Grant{}, ErrNotGrantable
	}
	command, _ := launcher(u.Peer)
	offer.Burst.Left = logins - 1
	return g.add(hostsScope(u, command), u, d, terms{burst: &offer.Burst, hosts: hosts, until: until})
}

// HasHost reports whether host, which proved its key, is one of hosts: by its key, or by a
// name where the key is left open.
func HasHost(hosts []keys.Host, host keys.Host) bool {
	return host.Fingerprint != "" && slices.ContainsFunc(hosts, func(h keys.Host) bool {
		if h.Fingerprint != "" {
			return h.Fingerprint == host.Fingerprint
		}
		return slices.ContainsFunc(h.Names, func(name string) bool { return slices.Contains(host.Names, name) })
	})
}

// hostsGrantLocked finds the grant for several hosts that covers u. A command may
// have several: each answer is for the hosts that the question showed.
func (g *Grants) hostsGrantLocked(u *keys.Use) (found scope, ok bool) {
	command, ok := launcher(u.Peer)
	if !ok || !hasNamedHost(u) {
		return found, false
	}
	want := hostsScope(u, command)
	for s, grant := range g.held {
		want.grantNumber = s.grantNumber
		if s == want && len(grant.Hosts) > 0 && HasHost(grant.Hosts, u.Destination.Host) {
			return s, true
		}
	}
	return found, false
}
