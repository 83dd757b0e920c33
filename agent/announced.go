package agent

import (
	"fmt"
	"sync"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/ascii"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// maxAnnouncements bounds the commands that have announced hosts at once: a person runs
// a few.
const maxAnnouncements = 16

// command is a process, which its start time tells from a later one with the same PID.
type command struct {
	pid   int
	start uint64
}

// announced holds the hosts that running commands will log in to. It allows nothing: a
// question for one of the hosts offers all of them. The zero value is ready.
type announced struct {
	mu      sync.Mutex // guards the fields below
	hosts   map[command][]keys.Host
	refused map[command]map[any]bool // what the person refused, by HostsOffer.Like
}

var refusedTogether = refusal{reason: "the person did not allow the hosts of this command", remedy: "run the command again, and allow them in the prompt"}

// Announce says that peer will start logins to the hosts with these names, as known_hosts
// has them. Names that a question could not show whole are left out: those hosts are
// asked about one by one. withdraw ends it.
func (s *Server) Announce(peer platform.Peer, names []string) (withdraw func(), err error) {
	if !peer.Identified || peer.Start == 0 || peer.Container {
		return nil, problem.New("the program that announces hosts is not known", "run it outside of a container")
	}
	if len(names) > policy.MaxAnnounced {
		return nil, problem.New(fmt.Sprintf("%d hosts are too many for one question", len(names)), fmt.Sprintf("give at most %d at once", policy.MaxAnnounced))
	}
	var hosts []keys.Host
	for _, name := range names {
		if confirm.CanList(name) {
			hosts = append(hosts, keys.Host{Names: []string{ascii.Lower(name)}})
		}
	}
	return s.announced.add(command{peer.PID, peer.Start}, hosts)
}

func (a *announced) add(by command, hosts []keys.Host) (withdraw func(), err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, twice := a.hosts[by]; twice || len(a.hosts) >= maxAnnouncements {
		return nil, problem.New("too many announcements of hosts", "wait until the other commands have ended")
	}
	if a.hosts == nil {
		a.hosts = make(map[command][]keys.Host)
	}
	a.hosts[by] = hosts
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.hosts, by)
		delete(a.refused, by)
	}, nil
}

// with returns all hosts that a command has announced, if host is one of them.
func (a *announced) with(burst policy.Burst, host keys.Host) []keys.Host {
	a.mu.Lock()
	defer a.mu.Unlock()
	if hosts := a.hosts[command{burst.PID, burst.Start}]; policy.HasHost(hosts, host) {
		return hosts
	}
	return nil
}

// addTo makes the question for one of the hosts that its command announced offer all of them.
func (a *announced) addTo(question *confirm.Question, use *keys.Use, decision policy.Decision) {
	offer, ok := policy.OfferHosts(use, decision)
	if !ok || question.Together == nil {
		return
	}
	if hosts := a.with(offer.Burst, use.Destination.Host); len(hosts) > 1 {
		question.Together.Announced = hosts
		question.Together.Offer.Count = policy.LoginsTo(hosts)
	}
}

// refuse ends the questions of a command for its announced hosts: without it a person who
// says no would be asked again with every login that follows.
func (a *announced) refuse(use *keys.Use, decision policy.Decision) {
	offer, ok := policy.OfferHosts(use, decision)
	if !ok || a.with(offer.Burst, use.Destination.Host) == nil {
		return
	}
	by := command{offer.Burst.PID, offer.Burst.Start}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refused == nil {
		a.refused = make(map[command]map[any]bool)
	}
	if a.refused[by] == nil {
		a.refused[by] = make(map[any]bool)
	}
	a.refused[by][offer.Like] = true
}

// mayAsk returns why a login is not asked about.
func (a *announced) mayAsk(use *keys.Use, decision policy.Decision) error {
	offer, ok := policy.OfferHosts(use, decision)
	if !ok || a.with(offer.Burst, use.Destination.Host) == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refused[command{offer.Burst.PID, offer.Burst.Start}][offer.Like] {
		return refusedTogether.by(decision.Rule)
	}
	return nil
}
