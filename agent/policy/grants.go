package policy

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// MaxGrants bounds the grants in force. A person gives a handful; a full table
// means that a program keeps asking under new names.
const MaxGrants = 1024

// Reasons why a grant was not made. The use itself may still go ahead, once.
var (
	ErrNotGrantable  = errors.New("this use cannot be remembered")
	ErrTooManyGrants = errors.New("too many grants are in force")
)

// Grants holds the grants in force, in memory only. Its methods may be called
// concurrently. Code that changes the rules, locks the agent or ends the session
// calls RevokeAll, and must keep others from adding a grant at that moment.
type Grants struct {
	mu   sync.Mutex // guards the fields below
	held map[scope]Grant
	last uint64
}

// Add makes a grant for uses like u, which decision d asked about. until must be
// at most Offer(u, d) after the answer; it is cut to MaxRemember after u.Time. The
// grant replaces one of the same scope. The error is ErrNotGrantable or
// ErrTooManyGrants.
func (g *Grants) Add(u *keys.Use, d Decision, until time.Time) (Grant, error) {
	if Offer(u, d) == 0 {
		return Grant{}, ErrNotGrantable
	}
	return g.add(scopeOf(u), u, d, terms{until: until})
}

// AddBurst makes a grant for uses like u below the command that OfferBurst
// found. u itself counts as the first of them.
func (g *Grants) AddBurst(u *keys.Use, d Decision, until time.Time) (Grant, error) {
	burst, _, ok := OfferBurst(u, d)
	if !ok {
		return Grant{}, ErrNotGrantable
	}
	burst.Left--
	s := scopeOf(u)
	s.burstPID, s.burstStart = burst.PID, burst.Start
	return g.add(s, u, d, terms{burst: &burst, until: until})
}

// terms limit a grant.
type terms struct {
	burst *Burst      // nil: any command
	hosts []keys.Host // empty: the host of the use
	until time.Time
}

func (g *Grants) add(s scope, u *keys.Use, d Decision, t terms) (Grant, error) {
	if latest := u.Time.Add(MaxRemember); t.until.After(latest) {
		t.until = latest
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dropExpiredLocked(u.Time)
	if _, replaces := g.held[s]; !replaces && len(g.held) >= MaxGrants {
		return Grant{}, ErrTooManyGrants
	}
	if g.held == nil {
		g.held = map[scope]Grant{}
	}
	g.last++
	if len(t.hosts) > 0 {
		s.grantNumber = g.last
	}
	grant := newGrant(strconv.FormatUint(g.last, 10), u, d, t)
	g.held[s] = grant
	return grant, nil
}

// Match returns the grant that covers u at the time now. Call it only for uses
// that Decide asks about: no grant lifts a refusal. Each match uses up one
// signature of a grant for a command, even when the signature then fails.
func (g *Grants) Match(u *keys.Use, now time.Time) (Grant, bool) {
	if !grantable(u) {
		return Grant{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dropExpiredLocked(now) // for good: a clock that is set back brings none back
	if grant, ok := g.held[scopeOf(u)]; ok {
		return grant, true
	}
	for _, s := range burstScopes(u) {
		if grant, ok := g.held[s]; ok {
			return g.useUpLocked(s, grant), true
		}
	}
	if s, ok := g.hostsGrantLocked(u); ok {
		return g.useUpLocked(s, g.held[s]), true
	}
	return Grant{}, false
}

func (g *Grants) useUpLocked(s scope, grant Grant) Grant {
	burst := *grant.Burst // results of List share the old one
	burst.Left--
	grant.Burst = &burst
	g.held[s] = grant
	if burst.Left == 0 {
		delete(g.held, s)
	}
	return grant
}

// List returns the grants in force at the time now, oldest first.
func (g *Grants) List(now time.Time) []Grant {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dropExpiredLocked(now)
	list := make([]Grant, 0, len(g.held))
	for _, grant := range g.held {
		list = append(list, grant)
	}
	slices.SortFunc(list, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// Revoke ends one grant and returns it, or false if there is none with this id.
func (g *Grants) Revoke(id string) (Grant, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for s, grant := range g.held {
		if grant.ID == id {
			delete(g.held, s)
			return grant, true
		}
	}
	return Grant{}, false
}

// RevokeAll ends every grant and returns how many there were.
func (g *Grants) RevokeAll() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := len(g.held)
	clear(g.held)
	return n
}

func (g *Grants) dropExpiredLocked(now time.Time) {
	for s, grant := range g.held {
		if expired(grant, now) {
			delete(g.held, s)
		}
	}
}
